"""The evaluation of features over their newest hours against the hours before them.

The numbers stand below one another in one long table, as many features at a time as it has room for; texts are
counted one by one.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import ibis
import ibis.expr.types as ir

from trenddrop.core.time import as_utc
from trenddrop.quality.feature_numbers import quality_of_numbers
from trenddrop.quality.feature_quality import FeatureQuality, MeasuredFeature
from trenddrop.quality.feature_rules import FeatureRules
from trenddrop.quality.feature_texts import quality_of_text
from trenddrop.schemas import TableSchema
from trenddrop.schemas.table import TIMESTAMP
from trenddrop.warehouse import Warehouse

NUMBERS = ("float64", "int64", "boolean")

_CELLS = 30_000_000  # of the long table at once


def evaluate_features(
    wh: Warehouse,
    schema: TableSchema,
    features: Sequence[MeasuredFeature],
    rules: FeatureRules,
    *,
    at: datetime,
    platform: str | None = None,
) -> list[FeatureQuality]:
    """Evaluate the features of a table over the window that ends ``at``, in the order given; nothing is written."""
    rows = _periods(wh.table(schema.name), schema, rules, at=at, platform=platform)
    first = rows.aggregate(first=rows[schema.event_timestamp].min()).to_pyarrow()["first"][0].as_py()
    if first is not None and as_utc(at) - rules.window - first < rules.shortest_baseline:
        rows = rows.filter(rows.is_now)
    blank: dict[str, Any] = {"table": schema.name, "platform": platform, "evaluated_at": as_utc(at)}
    return evaluate_periods(wh, rows, features, rules, blank)


def evaluate_periods(
    wh: Warehouse, rows: ir.Table, features: Sequence[MeasuredFeature], rules: FeatureRules, blank: Mapping[str, Any]
) -> list[FeatureQuality]:
    """Evaluate columns of rows whose boolean ``is_now`` tells the window from its baseline; nothing is written.

    ``blank`` holds the table, the platform and the moment of the evaluation.
    """
    sizes = rows.aggregate(now=rows.is_now.sum(), before=(~rows.is_now).sum()).to_pyarrow().to_pylist()[0]
    total, before = int(sizes["now"] or 0), int(sizes["before"] or 0)
    measured: dict[str, FeatureQuality] = {}
    for feature in features:
        if total and feature.dtype not in NUMBERS:
            measured[feature.name] = quality_of_text(rows, feature, rules, blank)
    numbers = [feature for feature in features if feature.dtype in NUMBERS]
    known = {**blank, "total": total, "baseline_records": before}
    for part in _parts(numbers, (total + before) if total else 0):
        measured |= {one.feature: one for one in quality_of_numbers(wh, rows, part, rules, known)}
    return [
        measured.get(f.name) or FeatureQuality(f.name, total=0, nulls=0, is_nullable=f.is_nullable, **blank)
        for f in features
    ]


def _periods(
    table: ir.Table, schema: TableSchema, rules: FeatureRules, *, at: datetime, platform: str | None
) -> ir.Table:
    """Return the rows of the window and its baseline, ``is_now`` telling them apart."""
    if platform is not None and "platform" in table.columns:
        table = table.filter(table.platform == platform)
    end = as_utc(at)
    newest, middle, oldest = (
        ibis.literal(moment, type=TIMESTAMP)
        for moment in (end, end - rules.window, end - rules.window - rules.baseline)
    )
    moment = table[schema.event_timestamp]
    table = table.filter((moment > oldest) & (moment <= newest))
    return table.mutate(is_now=ibis.ifelse(table[schema.event_timestamp] > middle, True, False))


def _parts(features: Sequence[MeasuredFeature], rows: int) -> Iterator[Sequence[MeasuredFeature]]:
    """Yield as many features at a time as the long table has room for; none where there are no rows."""
    size = max(_CELLS // rows, 1) if rows else len(features) + 1
    for first in range(0, len(features) if rows else 0, size):
        yield features[first : first + size]
