"""Which row versions are visible at T, and aggregates over the trailing hours as T saw them.

Time is counted in whole hours since 1970 (int64), because ClickHouse takes RANGE frames over numbers only.
A version of hour h is visible at T while ``visible_hour <= T < superseded_hour``.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain, groupby

import ibis
import ibis.expr.types as ir

from trenddrop.core.time import as_utc
from trenddrop.features.definition import WindowAggregate
from trenddrop.normalized.hours import hour_of

Stage = Callable[[ir.Table], ir.Table]

COUNTERS = ("view_count", "video_count", "creator_count", "like_count", "comment_count", "share_count")
LONGEST_H = 168  # no window reaches further back

NEVER = 1 << 40  # an hour that does not come
_OTHERS = "others_"
_SPENT = frozenset({"created_timestamp", "visible_hour", "superseded_hour", "is_plain", *COUNTERS[2:]})  # by then
_SHORT_H = 25  # windows up to here share one join with the late versions
WINDOW_PARTS = 1 << 40  # of one: sums of fractions stay exact over 8,192 rows
_MANY_PARTS = 1 << 32  # of one: sums of fractions stay exact over 2,000,000 rows


def lazily(rows: ir.Table) -> ir.Table:
    """Leave an expression as it is; the stage of a caller without a warehouse."""
    return rows


def with_columns_of(rows: ir.Table, more: ir.Table, keys: Sequence[str]) -> ir.Table:
    """Add the columns of the matching row of ``more``, which has at most one per key; null where it has none."""
    joined = rows.left_join(more, list(keys), rname="{name}_of_more")
    return joined.select(*rows.columns, *(name for name in more.columns if name not in keys))


def matched(rows: ir.Table, more: ir.Table, keys: Sequence[str]) -> ir.Table:
    """Return the rows that match rows of ``more``, with the columns of both."""
    joined = rows.inner_join(more, list(keys), rname="{name}_of_more")
    return joined.select(*rows.columns, *(name for name in more.columns if name not in keys))


def truth(condition: ir.BooleanValue) -> ir.BooleanValue:
    """Return the condition as a column that stays boolean in a staged table; ClickHouse compares to UInt8."""
    return ibis.ifelse(condition, True, False)


def instant(moment: datetime) -> ir.TimestampScalar:
    """Return the moment as the tables write it."""
    return ibis.literal(as_utc(moment), type="timestamp('UTC', 6)")


def whole(value: ir.NumericValue) -> ir.FloatingValue:
    """Return the whole part, whose sums below 2^53 do not depend on the order of the rows."""
    return value.cast("float64").floor()


def fraction(value: ir.NumericValue, parts: int = WINDOW_PARTS) -> ir.FloatingValue:
    """Return the fraction as a whole number of parts of one, whose sums do not depend on the order either."""
    number = value.cast("float64")
    return ((number - number.floor()) * float(parts)).floor()


def exact_total(value: ir.NumericValue) -> ir.FloatingScalar:
    """Return the sum over up to 2,000,000 rows, the same bits in whatever order the rows come."""
    return whole(value).sum() + fraction(value, _MANY_PARTS).sum() / float(_MANY_PARTS)


def visible_hour(metrics: ir.Table) -> ir.IntegerValue:
    """Return the first hour that sees the row: of its timestamp, or of its creation where that came later."""
    return ibis.greatest(hour_of(metrics.timestamp), hour_of(metrics.created_timestamp))


def several_versions(metrics: ir.Table, *, stage: Stage = lazily) -> ir.Table:
    """Return the hours of hashtags with several versions, few as a rule, and ``newest``: when the last was created."""
    hours = metrics.group_by("hashtag_id", "timestamp").aggregate(
        newest=metrics.created_timestamp.max(), n=metrics.count()
    )
    return stage(hours.filter(hours.n > 1).drop("n"))


def metric_versions(
    metrics: ir.Table, *, several: ir.Table | None = None, stage: Stage = lazily, longest_h: int = LONGEST_H
) -> ir.Table:
    """Return the versions of ``hashtag_metrics`` that some window can see, with the hours in which it sees them.

    Adds ``hour``, ``visible_hour``, ``superseded_hour`` (null: still the newest) and ``is_plain``: visible when its
    hour ended, never replaced and without fractions of a count, so that any window can simply add it.
    ``several`` are the ``several_versions`` of the metrics, where the caller has them.
    """
    several = several_versions(metrics, stage=stage) if several is None else several
    metrics = metrics.filter(metrics.created_timestamp < metrics.timestamp + ibis.interval(hours=longest_h))
    versions = metrics.mutate(hour=hour_of(metrics.timestamp), visible_hour=visible_hour(metrics))
    versions = with_columns_of(
        versions, _superseded(metrics, several, stage), ("hashtag_id", "timestamp", "created_timestamp")
    )
    versions = versions.filter(versions.superseded_hour.fill_null(NEVER) > versions.visible_hour)
    is_whole = ibis.and_(*(versions[c].isnull() | (versions[c] == versions[c].floor()) for c in COUNTERS))
    is_lasting = (versions.visible_hour == versions.hour) & versions.superseded_hour.isnull()
    return versions.mutate(is_plain=truth(is_lasting & is_whole))


def _superseded(metrics: ir.Table, several: ir.Table, stage: Stage) -> ir.Table:
    """Return when a newer version became visible, for the few rows that have one: sorting all rows would be dear."""
    rows = metrics.semi_join(several, ["hashtag_id", "timestamp"])
    rows = rows.mutate(visible_hour=visible_hour(rows))
    newer = ibis.window(group_by=("hashtag_id", "timestamp"), order_by="created_timestamp", following=(1, None))
    rows = rows.mutate(superseded_hour=rows.visible_hour.min().over(newer))
    return stage(rows.select("hashtag_id", "timestamp", "created_timestamp", "superseded_hour"))


def on_time_rows(versions: ir.Table) -> ir.Table:
    """Return, for each hour of each hashtag, the version that was visible when the hour ended."""
    return versions.filter(versions.visible_hour == versions.hour)


def other_rows(versions: ir.Table) -> ir.Table:
    """Return the versions that are not plain: learnt late, replaced later, or spread over a gap."""
    return versions.filter(~versions.is_plain)


def window_aggregates(
    on_time: ir.Table,
    others: ir.Table,
    aggregates: Sequence[WindowAggregate],
    *,
    also: Mapping[str, ir.Value] | None = None,
    stage: Stage = lazily,
) -> ir.Table:
    """Add the aggregates to the rows of ``on_time``, each over exactly the versions visible at the row's hour.

    Plain versions are taken by RANGE windows; the others are joined to the hours that saw them, in buckets as wide
    as the window, and both parts are put together. ``also`` are windows over ``on_time`` that are computed in the same
    pass and added as they are. ``on_time`` may hold other versions for their sake: they have no part in an aggregate.
    """
    more = dict(also or {})
    steps = tuple(chain.from_iterable(_steps(a) for a in aggregates))
    kept = [name for name in on_time.columns if name not in _SPENT]
    ranged = {step.name: _over_range(on_time, step) for step in steps if not step.is_for_others}
    wide = rows = stage(on_time.select(*kept, **more, **ranged))
    by_reach = sorted((step for step in steps if not step.is_history), key=_is_long)
    for _, group in groupby(by_reach, key=_is_long):
        part = stage(_others_part(rows, others, tuple(group)))
        wide = with_columns_of(wide, part, ("hashtag_id", "hour"))
    values = {step.name: _put_together(wide, step) for step in steps}
    return wide.select(*kept, *more, **{a.name: _finished(a, values) for a in aggregates})


def aggregates_of_few_hours(
    moments: ir.Table, versions: ir.Table, on_time: ir.Table, aggregates: Sequence[WindowAggregate], *, stage: Stage
) -> ir.Table:
    """Add the same aggregates, bit for bit, to a few hours' rows, by joining each to all that it looks back on.

    Windows would be computed for every hour of the 8 days that a row looks back on; this takes 168 pairs per row.
    """
    steps = tuple(chain.from_iterable(_steps(a) for a in aggregates))
    kept = [name for name in moments.columns if name not in _SPENT]
    wide = moments = stage(moments.select(*kept))
    told = on_time.mutate(visible_hour=on_time.hour, superseded_hour=ibis.null("int64"))  # then, and never taken back
    groups = (
        (versions, tuple(step for step in steps if not step.is_history and not _is_long(step))),
        (versions, tuple(step for step in steps if not step.is_history and _is_long(step))),
        (told, tuple(step for step in steps if step.is_history)),
    )
    for rows, group in groups:
        wide = with_columns_of(wide, stage(_others_part(moments, rows, group)), ("hashtag_id", "hour"))
    values = {step.name: wide[f"{_OTHERS}{step.name}"] for step in steps}
    return wide.select(*kept, **{a.name: _finished(a, values) for a in aggregates})


def in_buckets(rows: ir.Table, *, first: ir.IntegerValue, last: ir.IntegerValue, width_h: int) -> ir.Table:
    """Repeat each row for the one or two buckets of ``width_h`` hours that the hours ``first`` to ``last`` touch.

    Adds ``bucket``; the hours may span at most ``width_h``. Joining on the bucket keeps a range join linear.
    """
    low, high = (first // width_h).cast("int64"), (last // width_h).cast("int64")
    rows = rows.mutate(bucket=low, last_bucket=high)
    again = rows.filter(rows.last_bucket > rows.bucket)
    again = again.mutate(bucket=again.last_bucket)
    return rows.union(again).drop("last_bucket")


@dataclass(frozen=True, slots=True)
class _Step:
    """One sum, minimum or maximum of an expression over a window: what the engine computes for an aggregate."""

    name: str
    how: str
    value: Callable[[ir.Table], ir.Value]
    oldest_h: int
    newest_h: int
    is_history: bool
    is_for_others: bool = False  # plain rows have none of it


def _steps(a: WindowAggregate) -> Iterator[_Step]:
    def step(name: str, how: str, value: Callable[[ir.Value], ir.Value]) -> _Step:
        return _Step(name, how, lambda t: value(t[a.column]), a.oldest_h, a.newest_h, a.is_history)

    if a.how == "sum":
        yield step(f"{a.name}_whole", "sum", whole)
        parts = step(f"{a.name}_parts", "sum", fraction)
        yield replace(parts, is_for_others=a.column in COUNTERS)
    elif a.how == "whole_sum":
        yield step(a.name, "sum", lambda value: value)
    elif a.how == "count":  # a sum of ones: ClickHouse cannot count a nullable column over a window
        yield step(a.name, "sum", lambda value: ibis.ifelse(value.notnull(), 1.0, None))
    elif a.how == "value":  # the sum of one hour, which engines find faster than its maximum
        yield step(a.name, "sum", lambda value: value.cast("float64"))
    else:
        yield step(a.name, a.how, lambda value: value)


def _finished(a: WindowAggregate, values: dict[str, ir.Value]) -> ir.Value:
    if a.how == "sum":
        parts = values[f"{a.name}_parts"].fill_null(0.0)
        return values[f"{a.name}_whole"] + parts / float(WINDOW_PARTS)
    return values[a.name].fill_null(0).cast("int64") if a.how == "count" else values[a.name]


def _is_long(step: _Step) -> bool:
    return step.oldest_h >= _SHORT_H


def _over_range(on_time: ir.Table, step: _Step) -> ir.Value:
    value = step.value(on_time)
    if not step.is_history:
        value = ibis.ifelse(on_time.is_plain, value, ibis.null(value.type()))
    frame = ibis.range_window(group_by="hashtag_id", order_by="hour", preceding=(step.oldest_h, step.newest_h))
    return _reduced(value, step.how).over(frame)


def _reduced(value: ir.Value, how: str) -> ir.Value:
    return {"sum": value.sum, "min": value.min, "max": value.max}[how]()


def _others_part(rows: ir.Table, others: ir.Table, steps: Sequence[_Step]) -> ir.Table:
    width_h = max(step.oldest_h for step in steps) + 1
    end = ibis.least(others.hour + width_h, others.superseded_hour.fill_null(NEVER))
    values = {step.name: step.value(others) for step in steps}
    others = others.filter(end > others.visible_hour, ibis.or_(*(value.notnull() for value in values.values())))
    others = others.select("hashtag_id", "visible_hour", source_hour=others.hour, last_hour=end - 1, **values)
    others = in_buckets(others, first=others.visible_hour, last=others.last_hour, width_h=width_h)
    moments = rows.select("hashtag_id", "hour", bucket=(rows.hour // width_h).cast("int64"))
    pairs = moments.inner_join(others, ["hashtag_id", "bucket"])
    pairs = pairs.filter(pairs.hour.between(pairs.visible_hour, pairs.last_hour))
    age_h = pairs.hour - pairs.source_hour
    return pairs.group_by("hashtag_id", "hour").aggregate(
        **{
            f"{_OTHERS}{step.name}": _reduced(
                ibis.ifelse(age_h.between(step.newest_h, step.oldest_h), pairs[step.name], None), step.how
            )
            for step in steps
        }
    )


def _put_together(wide: ir.Table, step: _Step) -> ir.Value:
    if step.is_history:
        return wide[step.name]
    others = wide[f"{_OTHERS}{step.name}"]
    if step.is_for_others:
        return others
    plain = wide[step.name]
    both = plain.fill_null(others), others.fill_null(plain)
    if step.how == "sum":
        return ibis.ifelse(plain.isnull() | others.isnull(), both[0], plain + others)
    return ibis.least(*both) if step.how == "min" else ibis.greatest(*both)
