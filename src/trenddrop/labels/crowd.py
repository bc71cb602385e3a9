"""How many creators stand behind a hashtag at u: of the videos created in (u-24h, u], as they were visible at u."""

import ibis
import ibis.expr.types as ir

from trenddrop.features.visibility import NEVER, WINDOW_PARTS, fraction, in_buckets, whole
from trenddrop.normalized.hours import hour_of

_WINDOW_H = 24


def crowds(moments: ir.Table, observations: ir.Table) -> ir.Table:
    """Return ``creators`` and their ``herfindahl`` for the (hashtag_id, hour) with a video of a known creator.

    ``observations`` are rows of ``video_observations``; each video counts with its latest observation visible at the
    hour. The index is that of the creators' shares of the views, 1 for a single creator, 0 without views.
    """
    cells = in_buckets(
        _cells(observations, moments),
        first=ibis._.visible_hour,
        last=ibis.least(ibis._.created_hour + _WINDOW_H, ibis._.superseded_hour) - 1,
        width_h=_WINDOW_H,
    )
    moments = moments.select("hashtag_id", "hour", bucket=(moments.hour // _WINDOW_H).cast("int64"))
    pairs = moments.inner_join(cells, ["hashtag_id", "bucket"])
    pairs = pairs.filter(
        pairs.visible_hour <= pairs.hour,
        pairs.hour < pairs.superseded_hour,
        pairs.hour < pairs.created_hour + _WINDOW_H,
    )
    views = pairs.group_by("hashtag_id", "hour", "creator_id").aggregate(views=pairs.view_count.sum().cast("float64"))
    of_all = ibis.window(group_by=("hashtag_id", "hour"))
    views = views.mutate(all_views=views.views.sum().over(of_all))
    share = views.views.fill_null(0.0) / ibis.greatest(views.all_views.fill_null(0.0), 1.0)
    views = views.mutate(square=share * share)
    squares = whole(views.square).sum() + fraction(views.square).sum() / float(WINDOW_PARTS)
    return views.group_by("hashtag_id", "hour").aggregate(
        creators=views.creator_id.count().cast("int64"), herfindahl=squares
    )


def _cells(observations: ir.Table, moments: ir.Table) -> ir.Table:
    """Return a row per video, hashtag in question and hours in which it shows: creator and views."""
    rows = observations.filter(observations.created_at.notnull())
    rows = rows.mutate(
        tags=rows.hashtag_ids.unique().sort(),
        created_hour=hour_of(rows.created_at),
        known_hour=ibis.greatest(hour_of(rows.observed_at), hour_of(rows.fetched_at)),
        tie_tags=rows.hashtag_ids.sort().join(" ").fill_null(""),
        tie_creator=rows.creator_id.fill_null(""),
        tie_views=rows.view_count.fill_null(-1),
    )
    newer = ibis.window(
        group_by="video_id",
        order_by=("observed_at", "fetched_at", "tie_views", "tie_creator", "tie_tags", "created_hour"),
        following=(1, None),
    )
    rows = rows.mutate(superseded_hour=rows.known_hour.min().over(newer).fill_null(NEVER))
    rows = rows.mutate(visible_hour=ibis.greatest(rows.known_hour, rows.created_hour))
    end = ibis.least(rows.created_hour + _WINDOW_H, rows.superseded_hour)
    rows = rows.filter(rows.creator_id.notnull() & (rows.creator_id != "") & (end > rows.visible_hour))
    columns = ("creator_id", "view_count", "created_hour", "visible_hour", "superseded_hour")
    return rows.select(*columns, hashtag_id=rows.tags.unnest()).semi_join(moments, "hashtag_id")
