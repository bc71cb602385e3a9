"""The test period cut into blocks; each is judged by a model of everything before it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from trenddrop.core.errors import InputError
from trenddrop.core.time import as_utc

MONTHS_FROM = timedelta(days=45)  # a test period this long is cut at the starts of months
WEEKS_FROM = timedelta(days=10)
SHORT = 0.5  # a last block of less than this share of a week or month belongs to the one before


@dataclass(frozen=True, slots=True)
class Fold:
    """Test rows of [start, end); the model of the fold learns from rows before ``start`` only."""

    start: datetime
    end: datetime


def make_folds(test_from: datetime, last: datetime) -> list[Fold]:
    """Cut [test_from, last] into months, a shorter period into weeks, a very short one not at all.

    >>> from datetime import UTC
    >>> folds = make_folds(datetime(2025, 6, 1, tzinfo=UTC), datetime(2025, 8, 31, 23, tzinfo=UTC))
    >>> [f"{fold.start:%m-%d}" for fold in folds]
    ['06-01', '07-01', '08-01']
    """
    test_from, last = as_utc(test_from), as_utc(last)
    if last < test_from:
        raise InputError(
            f"backtest: the newest labelled hour is {last:%Y-%m-%d %H:%M}, before the test period's start "
            f"{test_from:%Y-%m-%d}; give an earlier --test-from or ingest later data"
        )
    length = last - test_from
    starts = [test_from]
    if length >= WEEKS_FROM:
        following = _next_month if length >= MONTHS_FROM else _next_week
        while (start := following(starts[-1])) <= last:
            starts.append(start)
        if len(starts) > 1 and last - starts[-1] < SHORT * (following(starts[-1]) - starts[-1]):
            starts.pop()
    ends = [*starts[1:], last + timedelta(microseconds=1)]
    return [Fold(start, end) for start, end in zip(starts, ends, strict=True)]


def _next_month(moment: datetime) -> datetime:
    first = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first + timedelta(days=32)).replace(day=1)


def _next_week(moment: datetime) -> datetime:
    return moment + timedelta(days=7)
