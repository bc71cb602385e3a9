"""Kind ``absolute``: the views cross a fixed number.

``level``: the cumulative views reach ``threshold`` at some hour of (t, t + h]; candidates were below it in every row of
(t - 168h, t] that was visible at t. ``gain``: the views gained in the known hours of (t, t + h] reach it; candidates
gained less in (t - 24h, t].
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
from trenddrop.labels.definition import Absolute, LabelDefinition
from trenddrop.labels.outcome import ahead, coverage, exact_sum, newest_rows, observed_hours, with_peak_key

_PAST = (
    WindowAggregate("past_views", "view_count", "sum", oldest_h=23),
    WindowAggregate("past_level", "view_total", "max", oldest_h=167),
)


def outcomes(metrics: ir.Table, definition: LabelDefinition, *, stage: Stage) -> tuple[ir.Table, ir.Table]:
    """Return the wide outcomes of the candidates, and the newest rows."""
    parameters = definition.parameters
    assert isinstance(parameters, Absolute)  # noqa: S101 - the kind has chosen them
    several = several_versions(metrics, stage=stage)
    rows = newest_rows(metrics, several=several)
    is_level = parameters.measure == "level"
    known = rows.view_total if is_level else rows.view_count
    rows = rows.mutate(is_known=truth(known.notnull()), level=rows.view_total.cast("float64"))
    rows = stage(with_peak_key(rows, "view_count"))

    def windows(rows: ir.Table) -> dict[str, ir.Value]:
        reached = {
            h: rows.level.max().over(ahead(h)) if is_level else exact_sum(rows.view_count, ahead(h))
            for h in definition.horizons
        }
        events = {f"event_{h}": truth(views >= parameters.threshold) for h, views in reached.items()}
        peaks = {f"peak_{h}": rows.peak_key.max().over(ahead(h)) for h in definition.horizons}
        return {"timestamp": rows.timestamp, **events, **peaks}

    wide = coverage(observed_hours(rows, definition, stage=stage), definition, group_by="hashtag_id", also=windows)
    wide = with_columns_of(wide, _below(metrics, parameters, several, stage=stage), ("hashtag_id", "hour"))
    wide = wide.filter(wide.is_below.fill_null(False))
    return wide, rows


def _below(metrics: ir.Table, parameters: Absolute, several: ir.Table, *, stage: Stage) -> ir.Table:
    versions = stage(metric_versions(metrics, several=several, stage=stage))
    past = window_aggregates(on_time_rows(versions), other_rows(versions), _PAST, stage=stage)
    value = past.past_level.cast("float64") if parameters.measure == "level" else past.past_views
    past = past.filter((value < parameters.threshold) & ~past.is_gap)
    return past.select("hashtag_id", "hour", base=past.view_count.cast("float64"), is_below=ibis.literal(True))
