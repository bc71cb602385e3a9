"""Counts that change now and then, followed through their changes instead of hour by hour.

Something that holds for the hours [from_hour, until_hour) is two changes: what it adds at ``from_hour`` and takes away
again at ``until_hour``. A million videos in windows of 24 hours are two million changes and 24 million (video, hour).
All measures are whole numbers in float64, so that running sums are exact in any order.
"""

from collections.abc import Mapping, Sequence

import ibis
import ibis.expr.types as ir

from trenddrop.features.videos import Hours
from trenddrop.features.visibility import Stage, lazily
from trenddrop.staging.unions import union_rows

_WIDTHS_H = (16, 8, 4, 2, 1)  # halves of one another; twice the widest exceeds the longest interval, 24 h


def number(value: ir.Value | int) -> ir.FloatingValue:
    """Return the value as float64; DuckDB takes 1.0 for a decimal."""
    return (ibis.literal(value, type="int64") if isinstance(value, int) else value).cast("float64")


def changes_of(intervals: ir.Table, keys: Sequence[str], measures: Mapping[str, ir.Value | int]) -> ir.Table:
    """Return the two changes of each interval: ``keys``, ``hour`` and the measures."""
    values = {name: number(value) for name, value in measures.items()}
    rows = intervals.select(*keys, "from_hour", "until_hour", **values)
    begins = rows.select(*keys, hour=rows.from_hour, **{name: rows[name] for name in values})
    ends = rows.select(*keys, hour=rows.until_hour, **{name: -rows[name] for name in values})
    return union_rows(begins, ends)


def segments(changes: ir.Table, keys: Sequence[str]) -> ir.Table:
    """Return the stretches [from_hour, until_hour) between the changes of each key, with the sums that hold there.

    ``until_hour`` is null after the last change.
    """
    measures = _measures(changes, keys)
    sums = changes.group_by(*keys, "hour").aggregate(**{name: changes[name].sum() for name in measures})
    so_far = ibis.window(group_by=list(keys), order_by="hour", preceding=None, following=0)
    in_order = ibis.window(group_by=list(keys), order_by="hour")
    return sums.select(
        *keys,
        from_hour=sums.hour,
        until_hour=sums.hour.lead().over(in_order),
        **{name: sums[name].sum().over(so_far) for name in measures},
    )


def covered(intervals: ir.Table, keys: Sequence[str]) -> ir.Table:
    """Return the stretches that intervals of a key cover together: apart from each other, and none longer than can be.

    One sort, where counting what holds would take two changes of every interval.
    """
    rows = intervals.select(*keys, "from_hour", "until_hour")
    before = ibis.window(group_by=list(keys), order_by=("from_hour", "until_hour"), preceding=(None, 1))
    rows = rows.mutate(
        reached=rows.until_hour.max().over(before), last=rows.until_hour.max().over(ibis.window(group_by=list(keys)))
    )
    begins = rows.filter(rows.reached.isnull() | (rows.from_hour > rows.reached))
    following = begins.reached.lead().over(ibis.window(group_by=list(keys), order_by="from_hour"))
    return begins.select(*keys, "from_hour", until_hour=ibis.coalesce(following, begins.last))


def hours_in(stretches: ir.Table, hours: Hours) -> ir.Table:
    """Return each stretch once for every ``hour`` of it that is asked for."""
    until = stretches.until_hour if hours.end is None else ibis.least(stretches.until_hour, hours.end).cast("int64")
    columns = [name for name in stretches.columns if name not in ("from_hour", "until_hour")]
    return stretches.select(*columns, hour=ibis.range(stretches.from_hour, until).unnest())


def greatest_at(intervals: ir.Table, value: str, *, stage: Stage = lazily) -> ir.Table:
    """Return, per (tag, hour), the greatest ``value`` of the intervals of up to 31 hours that hold the hour.

    An interval is covered by two blocks of the greatest width that fits; blocks are halved until they are hours. Where
    many intervals share blocks this takes far fewer rows than an interval's every hour.
    """
    length = intervals.until_hour - intervals.from_hour
    width = ibis.cases(*((length >= w, w) for w in _WIDTHS_H), else_=1).cast("int64")
    rows = intervals.select("tag", "until_hour", hour=intervals.from_hour, width=width, value=intervals[value])
    blocks = union_rows(rows.drop("until_hour"), rows.mutate(hour=rows.until_hour - rows.width).drop("until_hour"))
    blocks = stage(blocks.group_by("width", "tag", "hour").aggregate(value=blocks.value.max()))
    halves: ir.Table | None = None
    for w in _WIDTHS_H:
        own = blocks.filter(blocks.width == w).select("tag", "hour", "value")
        if halves is not None:
            own = union_rows(own, halves, halves.mutate(hour=halves.hour + w))
        halves = stage(own.group_by("tag", "hour").aggregate(value=own.value.max()))
    assert halves is not None
    return halves.select("tag", "hour", **{value: halves.value})


def _measures(changes: ir.Table, keys: Sequence[str]) -> list[str]:
    return [name for name in changes.columns if name not in (*keys, "hour")]
