"""The regions of the window videos: the videos created in (T-24h, T], each by its latest observation visible at T."""

import ibis
import ibis.expr.types as ir

from trenddrop.features.visibility import hour_number_ceil, in_buckets

_WINDOW_H = 24
_NEVER = 1 << 40
_DIGITS = 10  # of a share


def region_shares(grid: ir.Table, video_observations: ir.Table) -> ir.Table:
    """Return ``region_shares`` for the (hashtag_id, hour) of the grid with a window video of known region."""
    cells = in_buckets(
        _video_cells(video_observations),
        first=ibis._.visible_hour,
        last=ibis.least(ibis._.created_hour + _WINDOW_H, ibis._.superseded_hour.fill_null(_NEVER)) - 1,
        width_h=_WINDOW_H,
    )
    moments = grid.select("hashtag_id", "hour", bucket=(grid.hour // _WINDOW_H).cast("int64"))
    pairs = moments.inner_join(cells, ["hashtag_id", "bucket"])
    pairs = pairs.filter(
        pairs.visible_hour <= pairs.hour,
        pairs.hour < pairs.superseded_hour.fill_null(_NEVER),
        pairs.hour < pairs.created_hour + _WINDOW_H,
    )
    counts = pairs.group_by("hashtag_id", "hour", "region").aggregate(videos=pairs.videos.sum())
    whole = ibis.window(group_by=("hashtag_id", "hour"))
    counts = counts.mutate(all_videos=counts.videos.sum().over(whole))
    counts = counts.mutate(entry=_json_text(counts.region) + ": " + _share_text(counts.videos, counts.all_videos))
    shares = counts.group_by("hashtag_id", "hour").aggregate(entries=counts.entry.collect())
    joined = shares.entries.sort().join(", ")
    return shares.select("hashtag_id", "hour", region_shares=ibis.literal("{") + joined + "}")


def _video_cells(observations: ir.Table) -> ir.Table:
    """Count the videos of a hashtag that share region, hour of creation and hours of visibility."""
    rows = observations.filter(observations.created_at.notnull())
    created_hour = hour_number_ceil(rows.created_at)
    known_hour = ibis.greatest(hour_number_ceil(rows.observed_at), hour_number_ceil(rows.fetched_at))
    rows = rows.mutate(
        tags=rows.hashtag_ids.unique().sort(),
        created_hour=created_hour,
        known_hour=known_hour,
        tie_region=rows.region.fill_null(""),
        tie_tags=rows.hashtag_ids.sort().join(" ").fill_null(""),
    )
    newer = ibis.window(
        group_by="video_id",
        order_by=("observed_at", "fetched_at", "tie_region", "tie_tags", "created_hour"),
        following=(1, None),
    )
    rows = rows.mutate(superseded_hour=rows.known_hour.min().over(newer))
    rows = rows.mutate(visible_hour=ibis.greatest(rows.known_hour, rows.created_hour))
    end = ibis.least(rows.created_hour + _WINDOW_H, rows.superseded_hour.fill_null(_NEVER))
    rows = rows.filter(rows.region.notnull() & (rows.region != "") & (end > rows.visible_hour))
    rows = rows.select("region", "created_hour", "visible_hour", "superseded_hour", hashtag_id=rows.tags.unnest())
    keys = ("hashtag_id", "region", "created_hour", "visible_hour", "superseded_hour")
    return rows.group_by(*keys).aggregate(videos=rows.count().cast("int64"))


def _json_text(text: ir.StringValue) -> ir.StringValue:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').re_replace(r"[[:cntrl:]]", " ")
    return ibis.literal('"') + escaped + '"'


def _share_text(part: ir.IntegerValue, whole: ir.IntegerValue) -> ir.StringValue:
    """Write part / whole as a decimal number by whole-number arithmetic, so that engines agree on every digit."""
    unit = 10**_DIGITS
    share = ((part * (2 * unit) + whole) // (2 * whole)).cast("int64")
    digits = (share % unit).cast("string").lpad(_DIGITS, "0")
    text = ibis.ifelse(share >= unit, "1", "0") + "." + digits
    return text.re_replace(r"(\.\d+?)0+$", r"\1")
