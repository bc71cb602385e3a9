"""Kinds ``top_rank`` and ``top_percentile``: the hashtag enters the top of its platform by a metric.

The top are the first ``k``, or the first ``share`` of those that the hour ranks (rounded up, so at least one).

The rank at hour u is taken among the platform's rows of hour u that are not gaps; 1 + the number of greater values.
A hashtag that is absent from the list stands below it, as long as the platform was observed: so what is unknown
depends on the platform's hours and not on the hashtag's.
Candidates stand outside the top at t, and stood outside in the ``refractory_hours`` before, each as seen then.
"""

import ibis
import ibis.expr.types as ir

from trenddrop.features.ranking import with_ranks
from trenddrop.features.visibility import (
    Stage,
    metric_versions,
    on_time_rows,
    several_versions,
    truth,
    with_columns_of,
)
from trenddrop.labels.definition import LabelDefinition, TopPercentile, TopRank
from trenddrop.labels.outcome import coverage, future, hour_by_hour, newest_rows, with_peak_key

_COLUMNS = {"score": "score", "views": "view_count", "videos": "video_count"}
_ROUNDING = 1e-9


def metric_of(parameters: TopRank | TopPercentile) -> str:
    """Return the column of ``hashtag_metrics`` that ranks."""
    return _COLUMNS[parameters.metric]


def outcomes(metrics: ir.Table, definition: LabelDefinition, *, stage: Stage) -> tuple[ir.Table, ir.Table]:
    """Return the wide outcomes of the candidates, and the newest rows."""
    parameters = definition.parameters
    assert isinstance(parameters, TopRank | TopPercentile)  # noqa: S101 - the kind has chosen them
    metric = metric_of(parameters)
    metrics = metrics.filter(~metrics.is_gap)
    several = several_versions(metrics, stage=stage)
    rows = _with_top_hours(newest_rows(metrics, several=several), metric, parameters, stage=stage)
    rows = stage(with_peak_key(rows, metric))
    seen = on_time_rows(metric_versions(metrics, several=several, stage=stage))
    seen = _with_top_hours(seen, metric, parameters, stage=stage)
    seen = seen.select(
        "hashtag_id", "hour", seen_top_hour="top_hour", seen_metric=seen[metric].cast("float64"), is_seen=True
    )
    rows_with_past = with_columns_of(rows, seen, ("hashtag_id", "hour"))
    recent = ibis.range_window(group_by="hashtag_id", order_by="hour", preceding=(parameters.refractory_hours, 0))
    longest = max(definition.horizons)
    wide = rows_with_past.mutate(
        recent_top_hour=rows_with_past.seen_top_hour.max().over(recent),
        next_top_hour=rows.top_hour.min().over(future(longest)),
        **{f"peak_{h}": rows.peak_key.max().over(future(h)) for h in definition.horizons},
    )
    candidates = wide.filter(wide.is_seen.fill_null(False) & wide.recent_top_hour.isnull())
    candidates = with_columns_of(candidates, _platform_coverage(rows, definition, stage=stage), ("hour",))
    until_top = (candidates.next_top_hour - candidates.hour).fill_null(longest + 1)
    events = {f"event_{h}": truth(until_top <= h) for h in definition.horizons}
    return candidates.mutate(base=candidates.seen_metric, **events), rows


def _with_top_hours(rows: ir.Table, metric: str, parameters: TopRank | TopPercentile, *, stage: Stage) -> ir.Table:
    """Add ``top_hour``: the hour, where the row is among the top of it."""
    rows = with_ranks(rows, by=metric, stage=stage)
    if isinstance(parameters, TopRank):
        is_top = rows["rank"] <= parameters.k
    else:
        ranked = rows["rank"].count().over(ibis.window(group_by="hour")).cast("float64")
        is_top = rows["rank"] <= (ranked * parameters.share - _ROUNDING).ceil()
    return rows.mutate(top_hour=ibis.ifelse(is_top.fill_null(False), rows.hour, ibis.null("int64")))


def _platform_coverage(rows: ir.Table, definition: LabelDefinition, *, stage: Stage) -> ir.Table:
    hours = rows.group_by("platform", "hour").aggregate(known_hour=rows.known_hour.max()).mutate(is_known=True)
    reach_h = max(definition.horizons) + definition.parameters.max_hole_hours
    hours = hour_by_hour(stage(hours), group_by="platform", reach_h=reach_h, stage=stage)
    return coverage(hours, definition, group_by="platform").drop("platform")
