"""Growth A of a hashtag at hour u, from the versions of ``hashtag_metrics`` visible at u.

Rate: mean of the known hourly increments in (u - ``rate_hours``, u]. Baseline B: median of the known ones in
[u - ``baseline_from_hours``, u - ``baseline_to_hours``]. A = (rate + a) / (B + a), of videos where both are known, else
of views; unknown (null) where too few hours are.

Nearly every version that a baseline sees was there when its hour became old enough, so one median over a range of
such settled versions does for all hours u; those few hours u that saw a later version are computed again, exactly.
"""

import ibis
import ibis.expr.types as ir

from trenddrop.features.definition import WindowAggregate
from trenddrop.features.visibility import (
    COUNTERS,
    NEVER,
    Stage,
    in_buckets,
    metric_versions,
    other_rows,
    truth,
    window_aggregates,
    with_columns_of,
)
from trenddrop.labels.constants import MEASURES, GrowthConstants
from trenddrop.labels.definition import Onset

_KEYS = ("hashtag_id", "hour")


def growths(
    metrics: ir.Table,
    parameters: Onset,
    constants: GrowthConstants,
    *,
    several: ir.Table | None = None,
    stage: Stage,
) -> ir.Table:
    """Return one row per hour u with an observation of the hashtag that was visible at u.

    Columns: ``hashtag_id``, ``hour``, ``timestamp``, ``base`` (views of the hour), ``growth`` (A), ``is_voluminous``
    and, where holes are allowed, ``previous_hour`` (of the observation before).
    """
    reach_h = parameters.baseline_from_hours + 1
    unused = {name: ibis.null("float64") for name in COUNTERS if name not in MEASURES}
    metrics = metrics.select("hashtag_id", "timestamp", "created_timestamp", "is_gap", *MEASURES).mutate(**unused)
    versions = stage(metric_versions(metrics, several=several, stage=stage, longest_h=reach_h).drop(*unused))
    measures = tuple(measure for measure in MEASURES if constants.of(measure) is not None)
    aggregates = _rates(measures, parameters)
    rows = versions.drop("created_timestamp").mutate(is_on_time=truth(versions.visible_hour == versions.hour))
    late = {}
    for measure in measures:
        told = _told(versions, measure) if len(measures) > 1 else None
        rows = rows if told is None else with_columns_of(rows, told.mutate(**{f"is_told_{measure}": True}), _KEYS[:1])
        late[measure] = _late_baselines(_values(versions, measure, told), parameters, stage=stage)
    settled = {name: value for one in measures for name, value in _settled(rows, one, parameters).items()}
    wide = window_aggregates(rows, other_rows(versions), aggregates, also=settled, stage=stage)
    wide = wide.filter(wide.is_on_time, ~wide.is_gap)
    for measure, baselines in late.items():
        names = {f"{name}_{measure}": name for name in ("late_baseline", "late_known")}
        wide = with_columns_of(wide, baselines.rename(names), _KEYS)
    return _with_growth(wide, measures, parameters, constants)


def _rates(measures: tuple[str, ...], parameters: Onset) -> tuple[WindowAggregate, ...]:
    oldest_h = parameters.rate_hours - 1
    sums = (WindowAggregate(f"rate_{measure}", measure, "sum", oldest_h=oldest_h) for measure in measures)
    counts = (WindowAggregate(f"known_rate_{measure}", measure, "count", oldest_h=oldest_h) for measure in measures)
    return (*sums, *counts)


def _told(versions: ir.Table, measure: str) -> ir.Table:
    """Return the hashtags whose growth may come from the measure: views tell nothing where videos are always known."""
    tells = versions[measure].notnull()
    for better in MEASURES[: MEASURES.index(measure)]:
        tells &= versions[better].isnull()
    return versions.filter(tells).select("hashtag_id").distinct()


def _settled(rows: ir.Table, measure: str, parameters: Onset) -> dict[str, ir.Value]:
    """Return the baseline and how many hours it knows, of versions that were there when it first looked at them."""
    newest_h, oldest_h = parameters.baseline_to_hours, parameters.baseline_from_hours
    settled_hour = rows.hour + newest_h
    counts = (rows.visible_hour <= settled_hour) & (rows.superseded_hour.fill_null(NEVER) > settled_hour)
    if f"is_told_{measure}" in rows.columns:
        counts &= rows[f"is_told_{measure}"].notnull()
    value = ibis.ifelse(counts, rows[measure].cast("float64"), ibis.null("float64"))
    frame = ibis.range_window(group_by="hashtag_id", order_by="hour", preceding=(oldest_h, newest_h))
    return {
        f"settled_baseline_{measure}": value.median().over(frame),
        f"settled_known_{measure}": _ones(value).sum().over(frame).fill_null(0.0),
    }


def _values(versions: ir.Table, measure: str, told: ir.Table | None) -> ir.Table:
    values = versions.select(
        *_KEYS,
        "visible_hour",
        superseded_hour=versions.superseded_hour.fill_null(NEVER),
        value=versions[measure].cast("float64"),
    )
    return values if told is None else values.semi_join(told, "hashtag_id")


def _late_baselines(values: ir.Table, parameters: Onset, *, stage: Stage) -> ir.Table:
    """Return the baselines of the hours u that saw a version learnt more than ``baseline_to_hours`` after its hour."""
    newest_h, oldest_h = parameters.baseline_to_hours, parameters.baseline_from_hours
    width_h = oldest_h + 1
    shown = values.mutate(
        first_hour=ibis.greatest(values.visible_hour, values.hour + newest_h),
        last_hour=ibis.least(values.superseded_hour - 1, values.hour + oldest_h),
    )
    shown = shown.filter(shown.last_hour >= shown.first_hour)
    late = stage(shown.filter(shown.visible_hour > shown.hour + newest_h).drop("value"))
    moments = values.filter(values.visible_hour == values.hour).select(
        *_KEYS, bucket=(values.hour // width_h).cast("int64")
    )

    def seen(rows: ir.Table, moments: ir.Table) -> ir.Table:
        rows = rows.select(ibis._.hashtag_id, ibis._.first_hour, ibis._.last_hour, *_value_of(rows))
        rows = in_buckets(rows, first=rows.first_hour, last=rows.last_hour, width_h=width_h)
        pairs = moments.inner_join(rows, ["hashtag_id", "bucket"])
        return pairs.filter(pairs.hour.between(pairs.first_hour, pairs.last_hour))

    affected = stage(seen(late, moments.semi_join(late, "hashtag_id")).select(*_KEYS, "bucket").distinct())
    pairs = seen(shown.semi_join(affected, "hashtag_id"), affected)
    return stage(
        pairs.group_by(*_KEYS).aggregate(
            late_baseline=pairs.value.median(), late_known=_ones(pairs.value).sum().fill_null(0.0)
        )
    )


def _value_of(rows: ir.Table) -> tuple[ir.Value, ...]:
    return (rows.value,) if "value" in rows.columns else ()


def _ones(value: ir.Value) -> ir.FloatingValue:
    """Return 1 where the value is known; ClickHouse cannot count a nullable column over a window."""
    return ibis.ifelse(value.notnull(), 1.0, None)


def _with_growth(wide: ir.Table, measures: tuple[str, ...], parameters: Onset, constants: GrowthConstants) -> ir.Table:
    floors = {"video_count": parameters.min_videos, "view_count": parameters.min_views}
    growth: ir.Value = ibis.null("float64")
    volume: ir.Value = ibis.null("boolean")
    for measure in reversed(measures):
        constant = constants.of(measure)
        assert constant is not None  # noqa: S101 - else it were no measure here
        gained, known = wide[f"rate_{measure}"], wide[f"known_rate_{measure}"]
        is_late = wide[f"late_known_{measure}"].notnull()
        baseline, known_baseline = (
            ibis.ifelse(is_late, wide[f"late_{name}_{measure}"], wide[f"settled_{name}_{measure}"])
            for name in ("baseline", "known")
        )
        enough = (known >= parameters.min_rate_hours) & (known_baseline >= parameters.min_baseline_hours)
        own = (gained / known.cast("float64") + constant) / (baseline + constant)
        growth = ibis.ifelse(enough, own, growth)
        volume = ibis.ifelse(enough, truth(gained >= floors[measure]), volume)
    before = ibis.window(group_by="hashtag_id", order_by="hour", preceding=(1, 1))
    previous = {"previous_hour": wide.hour.max().over(before)} if parameters.max_hole_hours else {}
    return wide.select(
        *_KEYS,
        "timestamp",
        **previous,
        base=wide.view_count.cast("float64"),
        growth=growth,
        is_voluminous=volume.fill_null(False),
    )
