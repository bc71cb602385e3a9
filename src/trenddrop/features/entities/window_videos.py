"""The videos of a creator, or with a sound: those created in (T-w, T], each as it was known at T."""

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from trenddrop.features.definition import ratio
from trenddrop.features.entities.states import MEMORY_H, entity_states
from trenddrop.features.running import running_totals
from trenddrop.features.visibility import NEVER, Stage, lazily, with_columns_of
from trenddrop.normalized.hours import hour_of
from trenddrop.staging.unions import union_rows

WINDOWS_H = (24, 168)

_REACTIONS = ("like_count", "comment_count", "share_count")
_VALUES = ("created_at", "creator_id", "sound_id", "view_count", *_REACTIONS)
_SUMS = ("videos", "viewed_videos", "reacted_videos", "views", "reactions")


def video_states(video_observations: ir.Table, *, stage: Stage = lazily) -> ir.Table:
    """Return what was known of each video, with the hours [hour, until_hour) in which that was the newest."""
    states = entity_states(video_observations, key="video_id", values=_VALUES, stage=stage)
    later = ibis.window(group_by="video_id", order_by="hour", following=(1, 1))
    return states.mutate(until_hour=states.hour.max().over(later), created_hour=hour_of(states.created_at))


def with_window_videos(
    wide: ir.Table, videos: ir.Table | None, *, key: str, windows_h: Sequence[int] = WINDOWS_H, stage: Stage = lazily
) -> ir.Table:
    """Add sums over the window videos of the rows (key, hour): ``videos_24h``, ``views_24h``, ``reactions_24h`` ...

    ``videos`` are :func:`video_states`; without them the sums are null. Where an entity has no window video they are 0.
    ``viewed_videos`` and ``reacted_videos`` count those whose views, or some of whose reactions, are known.
    """
    names = [f"{name}_{w}h" for w in windows_h for name in _SUMS]
    if videos is None:
        return wide.mutate(**dict.fromkeys(names, ibis.null("int64")))
    videos = videos.filter(videos[key].notnull() & videos.created_hour.notnull())
    reactions = [videos[name] for name in _REACTIONS]
    amounts = {
        "videos": ibis.literal(1),
        "viewed_videos": ibis.ifelse(videos.view_count.notnull(), 1, 0),
        "reacted_videos": ibis.ifelse(ibis.coalesce(*reactions).notnull() & videos.view_count.notnull(), 1, 0),
        "views": videos.view_count.fill_null(0),
        "reactions": ibis.ifelse(videos.view_count.notnull(), sum(r.fill_null(0) for r in reactions), 0),
    }
    for w in windows_h:
        rows = videos.select(
            key,
            start=ibis.greatest(videos.hour, videos.created_hour),
            end=ibis.least(videos.until_hour.fill_null(NEVER), videos.created_hour + w),
            known_hour=videos.hour,
            **{f"{name}_{w}h": amount.cast("int64") for name, amount in amounts.items()},
        )
        rows = stage(rows.filter((rows.start < rows.end) & (rows.start - rows.known_hour < MEMORY_H)))
        sums = [f"{name}_{w}h" for name in _SUMS]
        entering = rows.select(key, *sums, hour=rows.start)
        leaving = rows.select(key, **{name: -rows[name] for name in sums}, hour=rows.end)
        totals = running_totals(wide, union_rows(entering, leaving), keys=(key,), sums=sums)
        wide = with_columns_of(wide, stage(totals), (key, "hour"))
    return wide


def views_per_video(t: ir.Table, window_h: int) -> ir.FloatingValue:
    """Return the views of a window video, on average over those whose views are known."""
    return ratio(t[f"views_{window_h}h"], t[f"viewed_videos_{window_h}h"])


def engagement(t: ir.Table, window_h: int) -> ir.FloatingValue:
    """Return likes, comments and shares over views of the window videos; null where no reaction is known."""
    is_told = t[f"reacted_videos_{window_h}h"] > 0
    value = ratio(t[f"reactions_{window_h}h"], t[f"views_{window_h}h"])
    return ibis.ifelse(is_told, value, ibis.null("float64"))
