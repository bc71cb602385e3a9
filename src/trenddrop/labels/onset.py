"""Kind ``onset``: a hashtag begins to grow many times faster than it did, carried by many creators.

An hour u is hot when, from data visible at u, growth A (see ``growth``) is at least ``multiple``, the rate's hours
gained at least ``min_videos`` (or ``min_views``), the videos of 24 h have at least ``min_creators`` creators and a
Herfindahl index of at most ``max_herfindahl`` (where creators are known), and A is among the greatest ``top_share`` of
the platform's hour. The onset is hot hour number ``persistence_hours`` of an unbroken run; the burst lasts while the
run does. Event: an onset in (t, t + h], so horizons nest. Candidates are observed at t, outside of bursts and of the
``refractory_hours`` after them. Hours of the horizon count as known where A is: a hashtag too young for a baseline
is unknown and not negative.
"""

import ibis
import ibis.expr.types as ir

from trenddrop.features.visibility import Stage, several_versions, truth, with_columns_of
from trenddrop.labels.constants import GrowthConstants
from trenddrop.labels.crowd import crowds
from trenddrop.labels.definition import LabelDefinition, Onset
from trenddrop.labels.growth import growths
from trenddrop.labels.outcome import ahead, coverage, hour_by_hour, newest_rows, with_peak_key

_KEYS = ("hashtag_id", "hour")
_ROUNDING = 1e-9


def outcomes(
    metrics: ir.Table,
    definition: LabelDefinition,
    *,
    constants: GrowthConstants,
    videos: ir.Table | None = None,
    stage: Stage,
) -> tuple[ir.Table, ir.Table]:
    """Return the wide outcomes of the candidates, and the newest rows. ``videos`` are ``video_observations``."""
    parameters = definition.parameters
    assert isinstance(parameters, Onset)  # noqa: S101 - the kind has chosen them
    several = several_versions(metrics, stage=stage)
    grown = stage(growths(metrics, parameters, constants, several=several, stage=stage))
    bursts = stage(_bursts(stage(_hot_hours(grown, videos, parameters, stage=stage)), parameters))
    rows = newest_rows(metrics, several=several).select(*_KEYS, "timestamp", "view_count", "view_total")
    rows = stage(with_peak_key(rows, "view_count"))
    longest_h, refractory_h = max(definition.horizons), parameters.refractory_hours
    reach_h = max(longest_h + parameters.max_hole_hours, refractory_h)
    hours = hour_by_hour(rows, group_by="hashtag_id", reach_h=reach_h, stage=stage)
    grown = grown.mutate(is_known=truth(grown.growth.notnull())).select(*_KEYS, "is_known", "base")
    marked = with_columns_of(with_columns_of(hours, grown, _KEYS), bursts, _KEYS)

    def windows(rows: ir.Table) -> dict[str, ir.Value]:
        recent = ibis.window(group_by="hashtag_id", order_by="hour", preceding=(refractory_h, 0))
        return {
            "timestamp": rows.timestamp,
            "base": rows.base,
            "is_known": rows.is_known,
            "next_onset": rows.onset_hour.min().over(ahead(longest_h)),
            "last_burst": rows.burst_hour.max().over(recent),
            **{f"peak_{h}": rows.peak_key.max().over(ahead(h)) for h in definition.horizons},
        }

    wide = coverage(marked, definition, group_by="hashtag_id", also=windows)
    candidates = wide.filter(wide.is_known.notnull() & wide.last_burst.isnull())
    until_onset = (candidates.next_onset - candidates.hour).fill_null(longest_h + 1)
    return candidates.mutate(
        **{f"event_{h}": truth(until_onset <= h) for h in definition.horizons},
        **_not_before(candidates, definition, constants),
    ), rows


def _hot_hours(grown: ir.Table, videos: ir.Table | None, parameters: Onset, *, stage: Stage) -> ir.Table:
    sizes = grown.filter(grown.growth.notnull()).group_by("hour").aggregate(ranked=ibis._.count())
    fast = stage(grown.filter(grown.growth >= parameters.multiple))
    greatest = ibis.window(group_by="hour", order_by=ibis.desc("growth"))
    fast = fast.mutate(place=(ibis.row_number().over(greatest) + 1).cast("float64"))
    fast = fast.mutate(rank=fast.place.min().over(ibis.window(group_by=("hour", "growth"))))  # ties share a rank
    fast = with_columns_of(fast, sizes, ("hour",))
    limit = ibis.greatest((fast.ranked.cast("float64") * parameters.top_share - _ROUNDING).ceil().cast("float64"), 1.0)
    hot = fast.filter(fast.is_voluminous & (fast["rank"] <= limit))
    hot = hot.select(*_KEYS, *(name for name in ("previous_hour",) if name in hot.columns))
    if videos is None:
        return hot
    hot = stage(hot)
    hot = with_columns_of(hot, crowds(hot, videos), _KEYS)
    is_crowd = (hot.creators >= parameters.min_creators) & (hot.herfindahl <= parameters.max_herfindahl)
    return hot.filter(hot.creators.isnull() | is_crowd)


def _bursts(hot: ir.Table, parameters: Onset) -> ir.Table:
    """Return the hours inside a burst, as ``burst_hour``; the first of each also as ``onset_hour``.

    A run is broken by an observed hour that is not hot, and by a hole of more than ``max_hole_hours``.
    """
    in_order = ibis.window(group_by="hashtag_id", order_by="hour", preceding=(1, 1))
    hot = hot.mutate(previous_hot=hot.hour.max().over(in_order))
    hole = hot.hour - hot.previous_hot - 1
    is_next = hole <= parameters.max_hole_hours
    if "previous_hour" in hot.columns:
        is_next &= hot.previous_hot == hot.previous_hour
    hot = hot.mutate(start=ibis.ifelse(is_next.fill_null(False), ibis.null("int64"), hot.hour))
    so_far = ibis.window(group_by="hashtag_id", order_by="hour", preceding=None, following=0)
    hot = hot.mutate(run=hot.start.max().over(so_far))
    place = ibis.row_number().over(ibis.window(group_by=("hashtag_id", "run"), order_by="hour")) + 1
    hot = hot.mutate(place=place.cast("int64"))
    bursts = hot.filter(hot.place >= parameters.persistence_hours)
    is_onset = bursts.place == parameters.persistence_hours
    return bursts.select(
        *_KEYS, burst_hour=bursts.hour, onset_hour=ibis.ifelse(is_onset, bursts.hour, ibis.null("int64"))
    )


def _not_before(candidates: ir.Table, definition: LabelDefinition, constants: GrowthConstants) -> dict[str, ir.Value]:
    """Return when each horizon is known, which is not before the constants are."""
    if constants.fitted_until is None:
        return {}
    fitted_hour = int(constants.fitted_until.timestamp()) // 3600
    names = [f"known_hour_{h}" for h in definition.horizons]
    return {name: ibis.greatest(candidates[name].fill_null(0), fitted_hour) for name in names}
