"""Kind ``top_rank``: the hashtag enters the platform's top k by a metric.

The rank at hour u is taken among the platform's rows of hour u that are not gaps; 1 + the number of greater values.
A hashtag that is absent from the list stands below it, as long as the platform was observed: so what is unknown
depends on the platform's hours and not on the hashtag's.
Candidates stand outside the top k at t, and stood outside in the ``refractory_hours`` before, each as seen then.
"""

import ibis
import ibis.expr.types as ir

from trenddrop.features.ranking import with_ranks
from trenddrop.features.visibility import Stage, metric_versions, on_time_rows, truth, with_columns_of
from trenddrop.labels.definition import LabelDefinition, TopRank
from trenddrop.labels.outcome import coverage, future, newest_rows, with_peak_key

_COLUMNS = {"score": "score", "views": "view_count"}


def metric_of(parameters: TopRank) -> str:
    """Return the column of ``hashtag_metrics`` that ranks."""
    return _COLUMNS[parameters.metric]


def outcomes(metrics: ir.Table, definition: LabelDefinition, *, stage: Stage) -> tuple[ir.Table, ir.Table]:
    """Return the wide outcomes of the candidates, and the newest rows."""
    parameters = definition.parameters
    assert isinstance(parameters, TopRank)  # noqa: S101 - the kind has chosen them
    metric = metric_of(parameters)
    metrics = metrics.filter(~metrics.is_gap)
    rows = stage(with_peak_key(with_ranks(newest_rows(metrics), by=metric, stage=stage), metric))
    seen = with_ranks(on_time_rows(metric_versions(metrics, stage=stage)), by=metric, stage=stage)
    seen = seen.select("hashtag_id", "hour", seen_rank="rank", seen_metric=seen[metric].cast("float64"), is_seen=True)
    rows_with_past = with_columns_of(rows, seen, ("hashtag_id", "hour"))
    wide = rows_with_past.mutate(
        recent_rank=_recent_rank(rows_with_past, parameters.refractory_hours),
        **{f"best_rank_{h}": rows["rank"].min().over(future(h)) for h in definition.horizons},
        **{f"peak_{h}": rows.peak_key.max().over(future(h)) for h in definition.horizons},
    )
    below = parameters.k + 1.0  # where a hashtag without a rank stands
    is_outside = (wide.seen_rank.fill_null(below) > parameters.k) & (wide.recent_rank.fill_null(below) > parameters.k)
    candidates = wide.filter(wide.is_seen.fill_null(False) & is_outside)
    candidates = with_columns_of(candidates, _platform_coverage(rows, definition), ("hour",))
    events = {f"event_{h}": truth(candidates[f"best_rank_{h}"] <= parameters.k) for h in definition.horizons}
    return candidates.mutate(base=candidates.seen_metric, **events), rows


def _recent_rank(rows: ir.Table, hours: int) -> ir.Value:
    if not hours:
        return ibis.null("float64")
    before = ibis.range_window(group_by="hashtag_id", order_by="hour", preceding=(hours, 1))
    return rows.seen_rank.min().over(before)


def _platform_coverage(rows: ir.Table, definition: LabelDefinition) -> ir.Table:
    hours = rows.group_by("platform", "hour").aggregate(known_hour=rows.known_hour.max()).mutate(is_known=True)
    return coverage(hours, definition, group_by="platform").drop("platform")
