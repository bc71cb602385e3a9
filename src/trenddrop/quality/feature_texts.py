"""The quality of features that are texts: nulls, and how often each of the most frequent values comes."""

from collections.abc import Mapping
from typing import Any

import ibis
import ibis.expr.types as ir

from trenddrop.quality.feature_quality import FeatureQuality, Histogram, MeasuredFeature, scored
from trenddrop.quality.feature_rules import FeatureRules

OTHER = "(other)"


def quality_of_text(
    rows: ir.Table, feature: MeasuredFeature, rules: FeatureRules, blank: Mapping[str, Any]
) -> FeatureQuality:
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
    return scored(
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
