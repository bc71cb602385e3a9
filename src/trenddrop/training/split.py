"""The rows that may be learned from and the rows that judge, apart in time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from trenddrop.core.errors import InputError
from trenddrop.core.time import as_utc
from trenddrop.modeling.matrix import label_column
from trenddrop.modeling.purge import before_purge

MONTHS_FROM = timedelta(days=182)  # a range this long is cut at the start of a month
TRAIN_SHARE = 0.75


@dataclass(frozen=True, slots=True)
class TimeSplit:
    """Training rows before, test rows from ``test_from``; the counts are of training rows with a known outcome.

    A horizon's label is null in ``train`` where the row may not teach that horizon, and rows that teach none are gone.
    """

    train: pl.DataFrame
    test: pl.DataFrame
    test_from: datetime
    purged: Mapping[int, int]  # per horizon: the outcome window touches the test period
    embargoed: Mapping[int, int]  # per horizon: beyond the purge, too close to the test period


def split_by_time(
    frame: pl.DataFrame, *, test_from: datetime, horizons: Sequence[int], embargo: timedelta
) -> TimeSplit:
    """Purge per horizon what touches the test period, then keep the embargo, then split.

    A row at t teaches horizon h when t + h + embargo < test_from. Every row from ``test_from`` on is a test row.
    """
    test_from = as_utc(test_from)
    labels = {horizon: label_column(horizon) for horizon in horizons}
    early = frame.filter(pl.col("event_timestamp") < test_from)
    purged, embargoed, taught = {}, {}, []
    for horizon, label in labels.items():
        known = pl.col(label).is_not_null()
        outside = before_purge(test_from, horizon=horizon)
        kept = before_purge(test_from, horizon=horizon, embargo=embargo)
        purged[horizon], embargoed[horizon] = early.select(
            (known & ~outside).sum().alias("purged"), (known & outside & ~kept).sum().alias("embargoed")
        ).row(0)
        taught.append(pl.when(kept).then(pl.col(label)).alias(label))
    train = early.with_columns(taught).filter(pl.any_horizontal(pl.col(list(labels.values())).is_not_null()))
    return TimeSplit(train, frame.filter(pl.col("event_timestamp") >= test_from), test_from, purged, embargoed)


def default_test_from(event_timestamps: pl.Series) -> datetime:
    """Return where the test period starts unless the caller says: near three quarters of the time range.

    Six months or more are cut at the nearest start of a month, a shorter range at the nearest start of a day, one
    within a day at the hour.

    >>> from datetime import UTC
    >>> year = pl.Series([datetime(2024, 5, 10, tzinfo=UTC), datetime(2025, 9, 30, tzinfo=UTC)])
    >>> default_test_from(year).isoformat()
    '2025-06-01T00:00:00+00:00'
    """
    start, end = event_timestamps.min(), event_timestamps.max()
    if not isinstance(start, datetime) or not isinstance(end, datetime):
        raise InputError("training frame: no rows, so no test period can be chosen")
    start, end = as_utc(start), as_utc(end)
    at = start + (end - start) * TRAIN_SHARE
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    days = [midnight, midnight + timedelta(days=1)]
    first = midnight.replace(day=1)
    months = [first, (first + timedelta(days=32)).replace(day=1)] if end - start >= MONTHS_FROM else []
    for starts in (months, days):
        if inside := [moment for moment in starts if start < moment <= end]:
            return min(inside, key=lambda moment: abs(moment - at))
    return at.replace(minute=0, second=0, microsecond=0)
