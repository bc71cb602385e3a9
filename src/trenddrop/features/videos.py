"""The window videos: those with the hashtag created in (T-24h, T] and visible at T, as last observed by T.

An observation is known from max(observed_at, fetched_at) on; the one that counts at T is the newest by (observed_at,
fetched_at) of those known. Its tags, creator, sound, region and views are the video's at T.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir

from trenddrop.features.visibility import NEVER, Stage, instant, lazily
from trenddrop.normalized.hours import hour_of
from trenddrop.staging.unions import union_rows

WINDOW_H = 24
BASELINE_H = 192  # the videos that windows are compared with are created in (T-8d, T-1d]
AGAIN_H = 168  # a video is seen again after up to so many hours; after more it is new once more

# A video may seem to be observed before it was created, by clocks that disagree; by more than that it is not believed.
_SKEW_H = 24
_HOURS = ("observed_hour", "created_hour", "known_hour")
_VIDEO = ("creator_id", "sound_id", "region", "view_count", "hashtag_ids")


@dataclass(frozen=True, slots=True)
class Hours:
    """The hours [first, end) for which features are asked; None is open."""

    first: int | None = None
    end: int | None = None


def hours_of(start: datetime | None, end: datetime | None) -> Hours:
    """Return the numbers of the hours in [start, end).

    >>> from datetime import UTC
    >>> hours_of(datetime(1970, 1, 1, 1, 30, tzinfo=UTC), datetime(1970, 1, 2, tzinfo=UTC))
    Hours(first=2, end=24)
    """

    def number(moment: datetime | None) -> int | None:
        return None if moment is None else -int(-moment.timestamp() // 3600)

    return Hours(number(start), number(end))


def readable(observations: ir.Table) -> ir.Table:
    """Return the observations of videos whose creation is known and believable, with their hours as numbers."""
    rows = observations.filter(
        observations.created_at.notnull(),
        observations.created_at <= observations.observed_at + ibis.interval(hours=_SKEW_H),
    )
    observed_hour = hour_of(rows.observed_at)
    return rows.mutate(
        observed_hour=observed_hour,
        known_hour=ibis.greatest(observed_hour, hour_of(rows.fetched_at)),
        created_hour=hour_of(rows.created_at),
    )


def video_versions(
    observations: ir.Table, *, start: datetime | None = None, end: datetime | None = None, stage: Stage = lazily
) -> ir.Table:
    """Return the observations of ``readable`` videos that some T in [start, end) reads, with ``superseded_hour``.

    Adds ``visible_hour`` (known and created); the version counts for the T in [visible_hour, superseded_hour). From
    ``again_hour`` on an earlier observation, of the ``AGAIN_H`` before its own hour, is known. Reads only observations
    from 8 days, and the skew of clocks, before ``start`` on.
    """
    if start is not None:
        oldest = start - timedelta(hours=BASELINE_H + _SKEW_H + 1)
        observations = observations.filter(observations.observed_at >= instant(oldest))
    if end is not None:
        observations = observations.filter(
            observations.observed_at < instant(end), observations.fetched_at < instant(end)
        )
    rows = readable(observations)
    keys = ("video_id", "observed_at", "fetched_at")
    rows = stage(rows.select(*keys, *_VIDEO, *_HOURS))
    several = rows.group_by("video_id").aggregate(n=rows.count())
    several = stage(several.filter(several.n > 1).select("video_id"))
    ranked = _superseded(rows.semi_join(several, "video_id"))
    never = ibis.literal(NEVER).cast("int64")
    single = rows.anti_join(several, "video_id").mutate(superseded_hour=never, again_hour=never)
    kept = (*_VIDEO, *_HOURS, "superseded_hour", "again_hour")
    rows = union_rows(single.select(*kept), ranked.select(*kept))
    rows = rows.mutate(visible_hour=ibis.greatest(rows.known_hour, rows.created_hour))
    return rows.filter(rows.superseded_hour > rows.visible_hour)


def _superseded(rows: ir.Table) -> ir.Table:
    """Add the hours from which a newer and an earlier observation of the video are known.

    Observations of equal moments are told apart by content.
    """
    texts = [rows.hashtag_ids.sort().join(" "), rows.creator_id, rows.sound_id, rows.view_count.cast("string")]
    tie = rows.region.fill_null("")
    for text in texts:
        tie = tie + ibis.literal("\n") + text.fill_null("")
    rows = rows.mutate(tie=tie)
    in_order = ("observed_at", "fetched_at", "tie", "created_hour")
    newer = ibis.window(group_by="video_id", order_by=in_order, following=(1, None))
    hours_before = ibis.range_window(group_by="video_id", order_by="observed_hour", preceding=(AGAIN_H, 1))
    same_hour = ibis.window(group_by=("video_id", "observed_hour"), order_by=in_order, preceding=(None, 1))
    earlier = (rows.known_hour.min().over(window).fill_null(NEVER) for window in (hours_before, same_hour))
    return rows.mutate(
        superseded_hour=rows.known_hour.min().over(newer).fill_null(NEVER).cast("int64"),
        again_hour=ibis.least(*earlier).cast("int64"),
    )


def within(rows: ir.Table, hours: Hours) -> ir.Table:
    """Return the intervals [from_hour, until_hour) that are not empty, cut to the hours that are asked for."""
    if hours.first is not None:
        rows = rows.mutate(from_hour=ibis.greatest(rows.from_hour, hours.first).cast("int64"))
    if hours.end is not None:
        rows = rows.filter(rows.from_hour < hours.end)
    return rows.filter(rows.until_hour > rows.from_hour)


def window_videos(versions: ir.Table, hours: Hours = Hours()) -> ir.Table:  # noqa: B008 - frozen
    """Return one row per hashtag of a version, with the hours [from_hour, until_hour) in which it is in the window."""
    until = ibis.least(versions.created_hour + WINDOW_H, versions.superseded_hour)
    rows = versions.mutate(from_hour=versions.visible_hour, until_hour=until, hashtag_ids=versions.hashtag_ids.unique())
    rows = within(rows, hours)
    columns = ("creator_id", "sound_id", "region", "view_count", "from_hour", "until_hour")
    return rows.select(*columns, hashtag_id=rows.hashtag_ids.unnest())
