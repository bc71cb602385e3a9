"""The regions of the window videos: the videos created in (T-24h, T], each by its latest observation visible at T."""

import ibis
import ibis.expr.types as ir

from trenddrop.features.videos import WINDOW_H
from trenddrop.features.visibility import in_buckets

_DIGITS = 10  # of a share


def region_shares(grid: ir.Table, videos: ir.Table) -> ir.Table:
    """Return ``region_shares`` for the (hashtag_id, hour) of the grid with a window video of known region.

    ``videos`` are the rows of ``window_videos``.
    """
    videos = videos.filter(videos.region.notnull() & (videos.region != ""))
    cells = videos.group_by("hashtag_id", "region", "from_hour", "until_hour").aggregate(videos=videos.count())
    cells = in_buckets(cells, first=cells.from_hour, last=cells.until_hour - 1, width_h=WINDOW_H)
    moments = grid.select("hashtag_id", "hour", bucket=(grid.hour // WINDOW_H).cast("int64"))
    pairs = moments.inner_join(cells, ["hashtag_id", "bucket"])
    pairs = pairs.filter(pairs.from_hour <= pairs.hour, pairs.hour < pairs.until_hour)
    counts = pairs.group_by("hashtag_id", "hour", "region").aggregate(videos=pairs.videos.sum())
    whole = ibis.window(group_by=("hashtag_id", "hour"))
    counts = counts.mutate(all_videos=counts.videos.sum().over(whole))
    counts = counts.mutate(entry=_json_text(counts.region) + ": " + _share_text(counts.videos, counts.all_videos))
    shares = counts.group_by("hashtag_id", "hour").aggregate(entries=counts.entry.collect())
    joined = shares.entries.sort().join(", ")
    return shares.select("hashtag_id", "hour", region_shares=ibis.literal("{") + joined + "}")


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
