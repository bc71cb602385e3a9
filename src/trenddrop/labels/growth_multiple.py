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
    several_versions,
    truth,
    window_aggregates,
    with_columns_of,
)
from trenddrop.labels.definition import GrowthMultiple, LabelDefinition
from trenddrop.labels.outcome import ahead, coverage, exact_sum, newest_rows, observed_hours, with_peak_key


def outcomes(metrics: ir.Table, definition: LabelDefinition, *, stage: Stage) -> tuple[ir.Table, ir.Table]:
    """Return the wide outcomes of the candidates, and the newest rows."""
    parameters = definition.parameters
    assert isinstance(parameters, GrowthMultiple)  # noqa: S101 - the kind has chosen them
    several = several_versions(metrics, stage=stage)
    rows = newest_rows(metrics, several=several)
    rate = ibis.range_window(group_by="hashtag_id", order_by="hour", preceding=(parameters.rate_hours - 1, 0))
    rows = rows.mutate(is_known=truth(rows.view_count.notnull()), rate_views=exact_sum(rows.view_count, rate))
    rows = stage(with_peak_key(rows, "view_count"))

    def windows(rows: ir.Table) -> dict[str, ir.Value]:
        fastest = {
            f"best_{h}": rows.rate_views.max().over(ahead(h, first=parameters.rate_hours)) for h in definition.horizons
        }
        peaks = {f"peak_{h}": rows.peak_key.max().over(ahead(h)) for h in definition.horizons}
        return {"timestamp": rows.timestamp, **fastest, **peaks}

    wide = coverage(observed_hours(rows, definition, stage=stage), definition, group_by="hashtag_id", also=windows)
    wide = with_columns_of(wide, _baselines(metrics, parameters, several, stage=stage), ("hashtag_id", "hour"))
    wide = wide.filter(wide.baseline.notnull())
    needed = ibis.greatest(wide.baseline * (parameters.multiple * parameters.rate_hours), parameters.min_views)
    events = {f"event_{h}": truth(wide[f"best_{h}"] >= needed) for h in definition.horizons}
    return wide.mutate(**events), rows


def _baselines(metrics: ir.Table, parameters: GrowthMultiple, several: ir.Table, *, stage: Stage) -> ir.Table:
    versions = stage(metric_versions(metrics, several=several, stage=stage))
    aggregates = (
        WindowAggregate("past_views", "view_count", "sum", oldest_h=parameters.baseline_hours - 1),
        WindowAggregate("past_known", "view_count", "count", oldest_h=parameters.baseline_hours - 1),
    )
    past = window_aggregates(on_time_rows(versions), other_rows(versions), aggregates, stage=stage)
    past = past.filter((past.past_known >= parameters.min_baseline_hours) & ~past.is_gap)
    return past.select(
        "hashtag_id", "hour", base=past.view_count.cast("float64"), baseline=past.past_views / past.past_known
    )
