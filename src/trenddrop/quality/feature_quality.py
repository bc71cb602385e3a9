"""What is found of one feature over its newest hours: nulls, moments, outliers, range, drift and a score."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import polars as pl

from trenddrop.core.ids import content_id
from trenddrop.quality.drift import kl_divergence, stability_index
from trenddrop.quality.feature_rules import FeatureRules
from trenddrop.schemas import TABLES
from trenddrop.schemas.table import TIMESTAMP
from trenddrop.warehouse import Warehouse

QUALITY = "feature_quality"


class MeasuredFeature(Protocol):
    """What the evaluation must know of a feature; its definition is one."""

    @property
    def name(self) -> str:
        """Return the column."""
        ...

    @property
    def dtype(self) -> str:
        """Return the Ibis dtype."""
        ...

    @property
    def valid_min(self) -> float | None:
        """Return the least valid value."""
        ...

    @property
    def valid_max(self) -> float | None:
        """Return the greatest valid value."""
        ...

    @property
    def is_nullable(self) -> bool:
        """Return whether the feature may be null."""
        ...


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many known values lie in each bin, now and in the baseline.

    ``bounds`` are the edges between the bins of a number, or the names of the bins of a text.
    """

    bounds: tuple[float, ...] | tuple[str, ...]
    current: tuple[int, ...]
    baseline: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FeatureQuality:
    """One feature over the evaluated window; what cannot be judged is None."""

    feature: str
    table: str
    platform: str | None
    evaluated_at: datetime
    total: int
    nulls: int
    is_nullable: bool
    mean: float | None = None
    std: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    outliers: int | None = None
    out_of_range: int | None = None
    kl: float | None = None
    psi: float | None = None
    baseline_records: int = 0
    baseline_nulls: int = 0
    varied_before: bool = False
    score: float | None = None
    histogram: Histogram | None = None

    @property
    def known(self) -> int:
        """Return how many values are not null."""
        return self.total - self.nulls

    @property
    def null_share(self) -> float:
        """Return the share of nulls, 0 without records."""
        return self.nulls / self.total if self.total else 0.0

    @property
    def baseline_null_share(self) -> float | None:
        """Return the share of nulls in the baseline, None without one."""
        return self.baseline_nulls / self.baseline_records if self.baseline_records else None

    def share_of_known(self, count: int | None) -> float | None:
        """Return the share of a count among the known values; None where there is nothing to judge."""
        return None if count is None or not self.known else count / self.known


def quality_score(
    *, null_share: float, out_of_range_share: float | None, outlier_share: float | None, kl: float | None
) -> float:
    """Return (1 - null share) (1 - share out of range) (1 - outlier share) exp(-KL); an unknown factor is 1.

    1 is a feature that is always there, in range, without outliers and as it was; one that is wholly null, or wholly
    out of range, has 0 whatever the rest says.

    >>> quality_score(null_share=0.5, out_of_range_share=0.0, outlier_share=None, kl=0.0)
    0.5
    """
    complete, valid, usual = (1.0 - (share or 0.0) for share in (null_share, out_of_range_share, outlier_share))
    return complete * valid * usual * math.exp(-(kl or 0.0))


def scored(rules: FeatureRules, histogram: Histogram | None, **values: Any) -> FeatureQuality:
    """Return what was found with its drift and score; ``values`` are the other fields of FeatureQuality."""
    kl = psi = None
    if histogram is not None:
        kl = kl_divergence(histogram.current, histogram.baseline)
        psi = stability_index(histogram.current, histogram.baseline)
    one = FeatureQuality(**values, kl=kl, psi=psi, histogram=histogram)
    if not one.total:
        return one
    present = one.known or 1
    score = quality_score(
        null_share=one.null_share,
        out_of_range_share=(one.out_of_range or 0) / present,
        outlier_share=(one.outliers or 0) / present,
        kl=None if one.feature in rules.drifts_by_nature else kl,
    )
    return FeatureQuality(**values, kl=kl, psi=psi, histogram=histogram, score=score)


def write_feature_quality(wh: Warehouse, found: Sequence[FeatureQuality]) -> int:
    """Write what was found to ``feature_quality`` and return how many rows; the same evaluation replaces its rows."""
    rows = pl.DataFrame([_row(one) for one in found], schema=_schema())

    def body() -> None:
        wh.delete(QUALITY, rows.select("id"))
        wh.append(QUALITY, rows)

    if rows.height:
        wh.transact(body, claim=QUALITY)
    return rows.height


def _row(one: FeatureQuality) -> dict[str, Any]:
    shown = one.histogram
    before = one.baseline_null_share
    return {
        "id": content_id(one.table, one.platform, one.feature, one.evaluated_at.isoformat()),
        "feature_name": one.feature,
        "evaluation_timestamp": one.evaluated_at,
        "total_records": one.total,
        "null_count": one.nulls,
        "null_percentage": 100.0 * one.null_share,
        "mean_value": one.mean,
        "std_value": one.std,
        "min_value": one.minimum,
        "max_value": one.maximum,
        "outlier_count": one.outliers,
        "distribution_drift_score": one.kl,
        "quality_score": one.score,
        "population_stability_index": one.psi,
        "out_of_range_count": one.out_of_range,
        "baseline_records": one.baseline_records,
        "baseline_null_percentage": None if before is None else 100.0 * before,
        "table_name": one.table,
        "platform": one.platform,
        "histogram": None
        if shown is None
        else json.dumps({"bounds": shown.bounds, "current": shown.current, "baseline": shown.baseline}),
    }


def _schema() -> dict[str, Any]:
    kinds = {"string": pl.String, "int64": pl.Int64, "float64": pl.Float64, TIMESTAMP: pl.Datetime("us", "UTC")}
    return {name: kinds[dtype.lstrip("!")] for name, dtype in TABLES[QUALITY].columns.items()}
