"""The constant a in growth A = (rate + a) / (B + a): the platform's median hourly increment, frozen.

It keeps growth from nothing finite: a hashtag of no views at all has to reach what is common before it can grow.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import ibis
import ibis.expr.types as ir

from trenddrop.core.time import HOUR
from trenddrop.features.visibility import hour_number
from trenddrop.labels.definition import Onset
from trenddrop.schemas.table import TIMESTAMP

MEASURES = ("video_count", "view_count")  # of rates; the first that is known is taken
LEAST = 1.0  # where the median is less, one an hour is common


@dataclass(frozen=True, slots=True)
class GrowthConstants:
    """a per measure; None where the platform has none of it. ``fitted_until`` is None where the definition says it."""

    video_count: float | None
    view_count: float | None
    fitted_until: datetime | None = None

    def of(self, measure: str) -> float | None:
        """Return the constant of a column of ``hashtag_metrics``."""
        value: float | None = getattr(self, measure)
        return value


def fit_constants(metrics: ir.Table, parameters: Onset) -> GrowthConstants:
    """Return the constants of the definition, and those it leaves open from the metrics of one platform.

    They are fitted on the versions visible at ``training_until``, or else at the end of the platform's first
    ``training_days``, so nothing that is learnt later moves them. Labels that use them mature no earlier.
    """
    given = (parameters.video_constant, parameters.view_constant)
    if None not in given:
        return GrowthConstants(*given)
    until = parameters.training_until or _end_of_first_days(metrics, parameters.training_days)
    if until is None:  # no rows at all
        return GrowthConstants(*given)
    moment = ibis.literal(until, type=TIMESTAMP)
    rows = metrics.filter(metrics.timestamp <= moment, metrics.created_timestamp <= moment)
    rows = rows.mutate(newest=rows.created_timestamp.max().over(ibis.window(group_by=("hashtag_id", "timestamp"))))
    rows = rows.filter(rows.created_timestamp == rows.newest)
    medians = rows.aggregate(**{name: rows[name].cast("float64").median() for name in MEASURES}).to_pyarrow()
    fitted = (medians[name][0].as_py() for name in MEASURES)
    videos, views = (
        said if said is not None or median is None else max(median, LEAST)
        for said, median in zip(given, fitted, strict=True)
    )
    return GrowthConstants(videos, views, fitted_until=until)


def _end_of_first_days(metrics: ir.Table, days: int) -> datetime | None:
    first = metrics.aggregate(first=hour_number(metrics.timestamp).min()).to_pyarrow()["first"][0].as_py()
    return None if first is None else datetime(1970, 1, 1, tzinfo=UTC) + first * HOUR + timedelta(days=days)
