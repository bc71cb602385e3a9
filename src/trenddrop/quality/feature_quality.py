"""Nulls, moments, outliers, range and drift of every feature over its newest hours, written to ``feature_quality``.

The features stand below one another in one long table, so that a handful of expressions serves them all, in two passes:
the first finds ranges and quantiles, from which outliers and bins are fitted on the past, the second counts.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import ibis
import ibis.expr.types as ir
import polars as pl

from trenddrop.core.ids import content_id
from trenddrop.core.time import as_utc
from trenddrop.quality.drift import bin_edges, counts_between, kl_divergence, stability_index
from trenddrop.quality.feature_rules import FeatureRules, OutlierRule
from trenddrop.schemas import TABLES, TableSchema
from trenddrop.schemas.table import TIMESTAMP
from trenddrop.warehouse import Warehouse

QUALITY = "feature_quality"
NUMBERS = ("float64", "int64", "boolean")
OTHER = "(other)"

_CELLS = 30_000_000  # of the long table at once
_PARTS = float(1 << 26)  # of the range of a feature: sums of whole parts do not depend on the order of the rows
_QUARTILES = (0.25, 0.75)


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
            measured[feature.name] = _of_text(rows, feature, rules, blank)
    numbers = [feature for feature in features if feature.dtype in NUMBERS]
    known = {**blank, "total": total, "baseline_records": before}
    for part in _parts(numbers, (total + before) if total else 0):
        measured |= {one.feature: one for one in _of_numbers(wh, rows, part, rules, known)}
    return [
        measured.get(f.name) or FeatureQuality(f.name, total=0, nulls=0, is_nullable=f.is_nullable, **blank)
        for f in features
    ]


def write_feature_quality(wh: Warehouse, found: Sequence[FeatureQuality]) -> int:
    """Write what was found to ``feature_quality`` and return how many rows; the same evaluation replaces its rows."""
    rows = pl.DataFrame([_row(one) for one in found], schema=_schema())

    def body() -> None:
        wh.delete(QUALITY, rows.select("id"))
        wh.append(QUALITY, rows)

    if rows.height:
        wh.transact(body, claim=QUALITY)
    return rows.height


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


# --- numbers --------------------------------------------------------------------------------------


def _of_numbers(
    wh: Warehouse,
    rows: ir.Table,
    features: Sequence[MeasuredFeature],
    rules: FeatureRules,
    blank: Mapping[str, Any],
) -> Iterator[FeatureQuality]:
    long = wh.stage(_long(rows, [feature.name for feature in features]))
    ranges = {(row["feature"], row["is_now"]): row for row in _ranges(long, rules).to_pyarrow().to_pylist()}
    fits = {feature.name: _fit(feature, ranges, rules) for feature in features}
    parameters = wh.stage(_parameters(features, fits, ranges, rules))
    for row in _counts(long, parameters, rules).to_pyarrow().to_pylist():
        ranges[row["feature"], row["is_now"]] |= row
    for feature in features:
        now, before = (ranges.get((feature.name, is_now), {}) for is_now in (True, False))
        yield _number(feature, now, before, fits[feature.name], rules, blank)


def _long(rows: ir.Table, names: Sequence[str]) -> ir.Table:
    """Return one row per row and feature that is not null; what is infinite or no number has no value and is odd."""
    wide = rows.select("is_now", **{name: rows[name].cast("float64") for name in names})
    long = wide.pivot_longer(list(names), names_to="feature", values_to="raw")
    long = long.filter(long.raw.notnull())
    is_odd = long.raw.isnan() | long.raw.isinf()
    return long.select(
        "feature", "is_now", value=ibis.ifelse(is_odd, None, long.raw), is_odd=ibis.ifelse(is_odd, True, False)
    )


def _ranges(long: ir.Table, rules: FeatureRules) -> ir.Table:
    quantiles = [step / rules.bins for step in range(1, rules.bins)]
    return long.group_by("feature", "is_now").aggregate(
        odd=long.is_odd.sum(),
        known=long.value.count(),
        lowest=long.value.min(),
        highest=long.value.max(),
        quantiles=long.value.quantile([*_QUARTILES, *quantiles]),
    )


@dataclass(frozen=True, slots=True)
class _Fit:
    """What is fitted on the past of a feature: the edges of its bins and the fences of its outliers."""

    edges: tuple[float, ...]
    low_fence: float | None
    high_fence: float | None


def _fit(feature: MeasuredFeature, ranges: Mapping[Any, Any], rules: FeatureRules) -> _Fit:
    """Fit on the baseline or, where that is too small, on the window itself, which then has no drift."""
    before = ranges.get((feature.name, False))
    found = before if before and before["known"] >= rules.minimum_records else ranges.get((feature.name, True))
    if not found or not found["known"]:
        return _Fit((), None, None)
    low_quartile, high_quartile, *quantiles = found["quantiles"]
    fences = (None, None) if feature.dtype == "boolean" else _fences(low_quartile, high_quartile, rules.outliers)
    return _Fit(tuple(bin_edges(quantiles)), *fences)


def _fences(low_quartile: float, high_quartile: float, rule: OutlierRule) -> tuple[float | None, float | None]:
    there, back = (_log, _exp) if rule.scale == "log" else (float, float)
    low, high = (there(float(f"{value:.12g}")) for value in (low_quartile, high_quartile))
    if low == high:
        return None, None
    reach = rule.fence_iqr * (high - low)
    return float(f"{back(low - reach):.12g}"), float(f"{back(high + reach):.12g}")


def _log(value: float) -> float:
    return math.copysign(math.log1p(abs(value)), value)


def _exp(value: float) -> float:
    return math.copysign(math.expm1(min(abs(value), 700.0)), value)  # beyond, a float has no room


def _parameters(
    features: Sequence[MeasuredFeature], fits: Mapping[str, _Fit], ranges: Mapping[Any, Any], rules: FeatureRules
) -> pl.DataFrame:
    """Return one row per feature and period, for the second pass; an edge that a feature lacks is null."""
    edges = [f"edge_{place}" for place in range(rules.bins - 1)]
    rows = []
    for feature in features:
        fit = fits[feature.name]
        for is_now in (True, False):
            found = ranges.get((feature.name, is_now), {})
            lowest, highest = found.get("lowest"), found.get("highest")
            rows.append(
                {
                    "feature": feature.name,
                    "is_now": is_now,
                    "lowest": lowest,
                    "span": 1.0 if lowest is None or highest == lowest else highest - lowest,
                    "valid_min": feature.valid_min,
                    "valid_max": feature.valid_max,
                    "low_fence": fit.low_fence,
                    "high_fence": fit.high_fence,
                }
                | dict.fromkeys(edges)
                | {f"edge_{place}": edge for place, edge in enumerate(fit.edges)}
            )
    numbers = ("lowest", "span", "valid_min", "valid_max", "low_fence", "high_fence", *edges)
    return pl.DataFrame(rows, schema={"feature": pl.String, "is_now": pl.Boolean, **dict.fromkeys(numbers, pl.Float64)})


def _counts(long: ir.Table, parameters: ir.Table, rules: FeatureRules) -> ir.Table:
    """Return sums of whole parts of the range, and counts of outliers, of what is out of range and below each edge."""
    rows = long.filter(long.value.notnull()).inner_join(parameters, ["feature", "is_now"])
    place = (rows.value - rows.lowest) / rows.span
    square = place * place
    is_low, is_high = (rows.value < rows.valid_min).fill_null(False), (rows.value > rows.valid_max).fill_null(False)
    is_outlier = ((rows.value < rows.low_fence) | (rows.value > rows.high_fence)).fill_null(False)
    return rows.group_by("feature", "is_now").aggregate(
        sum_whole=_whole(place).sum(),
        sum_rest=_rest(place).sum(),
        squares_whole=_whole(square).sum(),
        squares_rest=_rest(square).sum(),
        outliers=is_outlier.sum(),
        out_of_range=(is_low | is_high).sum(),
        **{f"to_{p}": (rows.value <= rows[f"edge_{p}"]).fill_null(False).sum() for p in range(rules.bins - 1)},
    )


def _whole(value: ir.NumericValue) -> ir.NumericValue:
    return (value * _PARTS).floor().cast("float64")


def _rest(value: ir.NumericValue) -> ir.NumericValue:
    return ((value * _PARTS - (value * _PARTS).floor()) * _PARTS).floor().cast("float64")


def _number(  # noqa: PLR0913 - one feature in two periods
    feature: MeasuredFeature,
    now: Mapping[str, Any],
    before: Mapping[str, Any],
    fit: _Fit,
    rules: FeatureRules,
    blank: Mapping[str, Any],
) -> FeatureQuality:
    known, known_before = int(now.get("known") or 0), int(before.get("known") or 0)
    odd = int(now.get("odd") or 0)
    mean, std = _moments(now, known)
    histogram = None
    if known >= rules.minimum_records and known_before >= rules.minimum_records:
        current, baseline = (
            counts_between([int(period[f"to_{place}"]) for place in range(len(fit.edges))], count)
            for period, count in ((now, known), (before, known_before))
        )
        histogram = Histogram(fit.edges, tuple(current), tuple(baseline))
    return _scored(
        rules,
        histogram,
        feature=feature.name,
        is_nullable=feature.is_nullable,
        nulls=blank["total"] - known - odd,
        mean=mean,
        std=std,
        minimum=now.get("lowest"),
        maximum=now.get("highest"),
        outliers=None if fit.low_fence is None or not known else int(now["outliers"]),
        out_of_range=int(now.get("out_of_range") or 0) + odd,
        baseline_nulls=blank["baseline_records"] - known_before - int(before.get("odd") or 0),
        varied_before=bool(known_before) and before["lowest"] != before["highest"],
        **blank,
    )


def _moments(period: Mapping[str, Any], known: int) -> tuple[float | None, float | None]:
    """Return mean and sample deviation from the sums of parts of the range."""
    if not known:
        return None, None
    lowest, span = float(period["lowest"]), float(period["highest"]) - float(period["lowest"])
    if span == 0:
        return lowest, 0.0 if known > 1 else None
    total = period["sum_whole"] / _PARTS + period["sum_rest"] / _PARTS**2
    squares = period["squares_whole"] / _PARTS + period["squares_rest"] / _PARTS**2
    variance = max(squares - total * total / known, 0.0) / (known - 1)
    return lowest + span * total / known, span * math.sqrt(variance)


# --- texts ----------------------------------------------------------------------------------------


def _of_text(rows: ir.Table, feature: MeasuredFeature, rules: FeatureRules, blank: Mapping[str, Any]) -> FeatureQuality:
    """Count the baseline's most frequent values, all others as one, and the nulls."""
    values = rows.select("is_now", value=rows[feature.name].cast("string"))
    counts = values.group_by("value").aggregate(now=values.is_now.sum(), before=(~values.is_now).sum())
    order = ibis.window(order_by=[counts.value.isnull(), counts.before.desc(), counts.value])
    ranked = counts.mutate(place=ibis.row_number().over(order))
    is_kept = ranked.value.isnull() | (ranked.place < rules.categories)
    named = ranked.select("now", "before", value=ibis.ifelse(is_kept, ranked.value, OTHER))
    found = named.group_by("value").aggregate(now=named.now.sum(), before=named.before.sum())
    bins = {row["value"]: (int(row["now"]), int(row["before"])) for row in found.to_pyarrow().to_pylist()}
    nulls, nulls_before = bins.pop(None, (0, 0))
    names = sorted(bins, key=lambda name: (name == OTHER, -bins[name][1], name))
    current, baseline = (tuple(bins[name][place] for name in names) for place in (0, 1))
    is_enough = min(sum(current), sum(baseline)) >= rules.minimum_records
    return _scored(
        rules,
        Histogram(tuple(names), current, baseline) if is_enough else None,
        feature=feature.name,
        is_nullable=feature.is_nullable,
        total=nulls + sum(current),
        nulls=nulls,
        baseline_records=nulls_before + sum(baseline),
        baseline_nulls=nulls_before,
        **blank,
    )


# --- both -----------------------------------------------------------------------------------------


def _scored(rules: FeatureRules, histogram: Histogram | None, **values: Any) -> FeatureQuality:
    """Add drift and score."""
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


def _parts(features: Sequence[MeasuredFeature], rows: int) -> Iterator[Sequence[MeasuredFeature]]:
    """Yield as many features at a time as the long table has room for; none where there are no rows."""
    size = max(_CELLS // rows, 1) if rows else len(features) + 1
    for first in range(0, len(features) if rows else 0, size):
        yield features[first : first + size]


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
