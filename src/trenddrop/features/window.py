"""What the window videos and the seen videos of a hashtag say at T: the columns of groups C, E and F."""

from dataclasses import dataclass
from datetime import datetime

import ibis
import ibis.expr.types as ir

from trenddrop.features.arrivals import SUMS, arrival_changes
from trenddrop.features.changes import greatest_at, number
from trenddrop.features.creators import creator_changes, creator_segments, first_uses
from trenddrop.features.novelty import companion_changes, first_heard, greatest_overlap, list_lengths, sound_changes
from trenddrop.features.regions import region_shares
from trenddrop.features.running import running_totals
from trenddrop.features.videos import hours_of, video_versions, window_videos
from trenddrop.features.visibility import Stage, lazily, matched, with_columns_of
from trenddrop.staging.unions import union_rows

COLUMNS = {
    **dict.fromkeys(("creators", "new_creators", "creator_views", "high_squares", "crossed", "low_squares"), "float64"),
    **dict.fromkeys(("sounds", "new_sounds", "companions", "companions_seen"), "float64"),
    **dict.fromkeys(SUMS, "float64"),
    "top_views": "float64",
    "greatest_overlap": "float64",
    "viewed": "int64",
    "region_shares": "string",
}


@dataclass(frozen=True, slots=True)
class VideoTables:
    """Where window videos come from: ``video_observations`` and, when there are any, ``sound_observations``."""

    videos: ir.Table
    sounds: ir.Table | None = None


def window_columns(
    grid: ir.Table,
    tables: VideoTables,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    stage: Stage = lazily,
) -> ir.Table:
    """Return ``COLUMNS`` for each (hashtag_id, hour) of the grid, whose hours lie in [start, end)."""
    hours = hours_of(start, end)
    versions = stage(video_versions(tables.videos, start=start, end=end, stage=stage))
    grid_names = stage(grid.select("hashtag_id").distinct())
    tags = stage(_coded(versions.select(hashtag_id=versions.hashtag_ids.unnest()), grid_names, "tag"))
    grid_tags = stage(tags.semi_join(grid_names, "hashtag_id"))
    videos = stage(window_videos(versions, hours))
    creators = stage(_coded(videos.select("creator_id").filter(videos.creator_id.notnull()), None, "creator"))
    videos = with_columns_of(matched(videos, grid_tags, ("hashtag_id",)), creators, ("creator_id",))
    videos = stage(videos.select("tag", "creator", "sound_id", "region", "view_count", "from_hour", "until_hour"))

    moments = grid.select("hashtag_id", "hour", "platform", "view_count")
    moments = stage(matched(moments, tags, ("hashtag_id",)))
    stretches = stage(creator_segments(videos, first_uses(tables.videos, creators, grid_tags)))
    parts = (
        creator_changes(stretches),
        sound_changes(videos, first_heard(tables.videos, tables.sounds, videos)),
        companion_changes(versions, tags, grid_tags, hours, stage=stage),
        arrival_changes(versions, grid_tags, hours),
    )
    names = [name for part in parts for name in part.columns if name not in ("tag", "hour")]
    hourly = [_hourly(part, names, stage) for part in parts]
    sums = running_totals(moments, union_rows(*hourly), keys=("tag",), sums=names)
    wide = stage(with_columns_of(moments, sums, ("tag", "hour")))
    wide = with_columns_of(
        wide,
        greatest_at(stretches.select("tag", "from_hour", "until_hour", top_views="views"), "top_views", stage=stage),
        ("tag", "hour"),
    )
    wide = with_columns_of(wide, stage(greatest_overlap(wide, stretches, hours, stage=stage)), ("tag", "hour"))
    wide = with_columns_of(wide, list_lengths(moments), ("platform", "hour"))
    wide = with_columns_of(wide, stage(region_shares(videos, hours, stage=stage)), ("tag", "hour"))
    return wide.select("hashtag_id", "hour", *COLUMNS)


def _coded(ids: ir.Table, more: ir.Table | None, name: str) -> ir.Table:
    """Return each id once with a whole number, in the order of the ids: joins and windows over numbers are quicker."""
    ids = ids if more is None else union_rows(ids, more)
    ids = ids.distinct()
    return ids.mutate(**{name: ibis.row_number().over(order_by=ids[ids.columns[0]])})


def _hourly(changes: ir.Table, names: list[str], stage: Stage) -> ir.Table:
    """Sum the changes of an hour, and give them the columns of the other parts, as 0."""
    own = [name for name in names if name in changes.columns]
    rows = stage(changes.group_by("tag", "hour").aggregate(**{name: changes[name].sum() for name in own}))
    return rows.select("tag", "hour", **{name: rows[name] if name in own else number(0) for name in names})
