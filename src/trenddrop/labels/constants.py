"""The constant a in growth A = (rate + a) / (B + a): the platform's median hourly increment, frozen.

It keeps growth from nothing finite: a hashtag of no views at all has to reach what is common before it can grow.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from trenddrop.core.time import HOUR, as_utc
from trenddrop.labels.definition import LabelDefinition, Onset
from trenddrop.labels.outcome import newest_rows
from trenddrop.normalized.hours import hour_of
from trenddrop.schemas.label_constants import LABEL_CONSTANTS
from trenddrop.schemas.table import TIMESTAMP
from trenddrop.warehouse import Warehouse, has_rows, sync

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


def frozen_constants(
    wh: Warehouse, metrics: ir.Table, definition: LabelDefinition, *, platform: str
) -> GrowthConstants:
    """Return the constants that the definition was first fitted with on the platform, fitting them where none are kept.

    They are kept once the training period is over; before, they are what is known so far. Only another
    ``training_until`` in the definition fits them again.
    """
    parameters = definition.parameters
    assert isinstance(parameters, Onset)  # noqa: S101 - the caller has looked
    kept = _kept(wh, definition, platform)
    fitted_until = kept["view_count"][1] if kept else None
    if fitted_until is not None and parameters.training_until in (None, fitted_until):
        videos, views = kept["video_count"][0], kept["view_count"][0]
        return GrowthConstants(parameters.video_constant or videos, parameters.view_constant or views, fitted_until)
    constants = fit_constants(metrics, parameters)
    if constants.fitted_until is not None and _is_over(metrics, constants.fitted_until):
        _keep(wh, constants, definition, platform)
    return constants


def _kept(wh: Warehouse, definition: LabelDefinition, platform: str) -> dict[str, tuple[float | None, datetime]]:
    rows = wh.table(LABEL_CONSTANTS.name)
    rows = rows.filter(rows.viral_definition_name == definition.name, rows.platform == platform)
    return {row["constant_name"]: (row["value"], as_utc(row["fitted_until"])) for row in rows.to_polars().to_dicts()}


def _keep(wh: Warehouse, constants: GrowthConstants, definition: LabelDefinition, platform: str) -> None:
    of_all: dict[str, object] = {
        "viral_definition_name": definition.name,
        "platform": platform,
        "fitted_until": constants.fitted_until,
    }
    rows = [of_all | {"constant_name": name, "value": constants.of(name)} for name in MEASURES]
    arrow = pa.Table.from_pylist(rows, schema=LABEL_CONSTANTS.ibis().to_pyarrow())
    stored = wh.table(LABEL_CONSTANTS.name)
    stored = stored.filter(stored.viral_definition_name == definition.name, stored.platform == platform)
    sync(wh, LABEL_CONSTANTS, wh.stage(arrow), stored)


def _is_over(metrics: ir.Table, until: datetime) -> bool:
    return has_rows(metrics.filter(metrics.timestamp >= ibis.literal(until, type=TIMESTAMP)))


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
    rows = newest_rows(rows)
    medians = rows.aggregate(**{name: rows[name].cast("float64").median() for name in MEASURES}).to_pyarrow()
    fitted = (medians[name][0].as_py() for name in MEASURES)
    videos, views = (
        said if said is not None or median is None else max(median, LEAST)
        for said, median in zip(given, fitted, strict=True)
    )
    return GrowthConstants(videos, views, fitted_until=until)


def _end_of_first_days(metrics: ir.Table, days: int) -> datetime | None:
    first = metrics.aggregate(first=hour_of(metrics.timestamp).min()).to_pyarrow()["first"][0].as_py()
    return None if first is None else datetime(1970, 1, 1, tzinfo=UTC) + first * HOUR + timedelta(days=days)
