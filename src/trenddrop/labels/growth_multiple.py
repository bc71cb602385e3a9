"""Kind ``growth_multiple``: the views come several times faster than they did.

Baseline: mean of the known hourly views in (t - ``baseline_hours``, t], visible at t. Rate at u: the views gained in
the known hours of (u - ``rate_hours``, u], per hour; unknown hours count as none, so a rate is never overstated.
Event: some u with (u - ``rate_hours``, u] inside (t, t + h] has a rate of at least ``multiple`` times the baseline and
at least ``min_views`` views. Windows that lie inside one horizon lie inside every longer one, so horizons nest.
Candidates have at least ``min_baseline_hours`` known hours in the baseline.
"""

import ibis
import ibis.expr.types as ir

from trenddrop.features.definition import WindowAggregate
from trenddrop.features.visibility import (
    Stage,
    metric_versions,
    on_time_rows,
    other_rows,
    truth,
    window_aggregates,
    with_columns_of,
)
from trenddrop.labels.definition import GrowthMultiple, LabelDefinition
from trenddrop.labels.outcome import coverage, exact_sum, future, newest_rows, with_peak_key


def outcomes(metrics: ir.Table, definition: LabelDefinition, *, stage: Stage) -> tuple[ir.Table, ir.Table]:
    """Return the wide outcomes of the candidates, and the newest rows."""
    parameters = definition.parameters
    assert isinstance(parameters, GrowthMultiple)  # noqa: S101 - the kind has chosen them
    rows = newest_rows(metrics, stage=stage)
    rate = ibis.range_window(group_by="hashtag_id", order_by="hour", preceding=(parameters.rate_hours - 1, 0))
    rows = rows.mutate(is_known=truth(rows.view_count.notnull()), rate_views=exact_sum(rows.view_count, rate))
    rows = stage(with_peak_key(rows, "view_count"))
    peaks = {
        f"best_{h}": rows.rate_views.max().over(future(h, first=parameters.rate_hours)) for h in definition.horizons
    }
    wide = rows.select(
        "hashtag_id",
        "hour",
        "timestamp",
        **peaks,
        **{f"peak_{h}": rows.peak_key.max().over(future(h)) for h in definition.horizons},
    )
    wide = with_columns_of(wide, _baselines(metrics, parameters, stage=stage), ("hashtag_id", "hour"))
    observed = rows.filter(~rows.is_gap).select("hashtag_id", "hour", "known_hour", "is_known")
    wide = with_columns_of(
        wide.filter(wide.baseline.notnull()),
        coverage(observed, definition, group_by="hashtag_id"),
        ("hashtag_id", "hour"),
    )
    needed = ibis.greatest(wide.baseline * (parameters.multiple * parameters.rate_hours), parameters.min_views)
    events = {f"event_{h}": truth(wide[f"best_{h}"] >= needed) for h in definition.horizons}
    return wide.mutate(**events), rows


def _baselines(metrics: ir.Table, parameters: GrowthMultiple, *, stage: Stage) -> ir.Table:
    versions = stage(metric_versions(metrics, stage=stage))
    aggregates = (
        WindowAggregate("past_views", "view_count", "sum", oldest_h=parameters.baseline_hours - 1),
        WindowAggregate("past_known", "view_count", "count", oldest_h=parameters.baseline_hours - 1),
    )
    past = window_aggregates(on_time_rows(versions), other_rows(versions), aggregates, stage=stage)
    past = past.filter((past.past_known >= parameters.min_baseline_hours) & ~past.is_gap)
    return past.select(
        "hashtag_id", "hour", base=past.view_count.cast("float64"), baseline=past.past_views / past.past_known
    )
