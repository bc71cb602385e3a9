"""The regions of the window videos: the videos created in (T-24h, T], each by its latest observation visible at T."""

import ibis
import ibis.expr.types as ir

from trenddrop.features.changes import changes_of, hours_in, segments
from trenddrop.features.videos import Hours
from trenddrop.features.visibility import Stage, lazily, matched

_DIGITS = 10  # of a share


def region_shares(videos: ir.Table, hours: Hours = Hours(), *, stage: Stage = lazily) -> ir.Table:  # noqa: B008 - frozen
    """Return ``region_shares`` for the (tag, hour) with a window video of known region, as JSON with sorted keys.

    ``videos`` holds (tag, region, from_hour, until_hour) of the window videos. A share is written once for every
    fraction that occurs: there are far fewer of them than hours and regions.
    """
    videos = videos.filter(videos.region.notnull() & (videos.region != ""))
    stretches = segments(changes_of(videos, ("tag", "region"), {"videos": 1}), ("tag", "region"))
    stretches = stretches.filter(stretches.videos > 0)
    counts = stage(hours_in(stretches, hours).mutate(videos=stretches.videos.cast("int64")))
    totals = counts.group_by("tag", "hour").aggregate(all_videos=counts.videos.sum().cast("int64"))
    counts = stage(matched(counts, totals, ("tag", "hour")))
    shares = counts.select("videos", "all_videos").distinct()
    shares = stage(shares.mutate(share=_share_text(shares.videos, shares.all_videos)))
    names = counts.select("region").distinct()
    names = stage(names.mutate(name=_json_text(names.region) + ": "))
    counts = matched(matched(counts, shares, ("videos", "all_videos")), names, ("region",))
    lists = counts.group_by("tag", "hour").aggregate(entries=(counts.name + counts.share).collect())
    return lists.select("tag", "hour", region_shares=ibis.literal("{") + lists.entries.sort().join(", ") + "}")


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
