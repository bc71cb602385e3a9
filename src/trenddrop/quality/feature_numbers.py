"""The quality of features that are numbers: a handful of expressions over one long table serves them all.

There are two passes: the first finds ranges and quantiles, from which outliers and bins are fitted on the past, the
second counts.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import polars as pl

from trenddrop.quality.drift import bin_edges, counts_between
from trenddrop.quality.feature_quality import FeatureQuality, Histogram, MeasuredFeature, scored
from trenddrop.quality.feature_rules import FeatureRules, OutlierRule
from trenddrop.warehouse import Warehouse

_PARTS = float(1 << 26)  # of the range of a feature: sums of whole parts do not depend on the order of the rows
_QUARTILES = (0.25, 0.75)


def quality_of_numbers(
    wh: Warehouse,
    rows: ir.Table,
    features: Sequence[MeasuredFeature],
    rules: FeatureRules,
    blank: Mapping[str, Any],
) -> Iterator[FeatureQuality]:
    """Yield the quality of numeric columns of ``rows``, whose ``is_now`` tells the window from its baseline.

    ``blank`` holds what all of them share: table, platform, moment, and how many rows each of the two periods has.
    """
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
    return scored(
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
