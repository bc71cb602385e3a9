"""Hourly increments of cumulative counters, in all versions that became known one after another.

A series is the observations of one key (a hashtag, a video). What is known at a moment K is the observations fetched by
K. Of those, an hour's level is the observation with the greatest (observed_at, fetched_at); its increment is the level
minus the level of the hour observed before. Each observation that changes a row makes a new version of it, created when
it was fetched. Versions that become visible within the same hour are one: the last of them. A version that says the
same as the one before it is none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from trenddrop.normalized.hours import hour_of
from trenddrop.normalized.workspace import Unheld, Workspace
from trenddrop.staging.unions import nullable, union_rows

UNHELD = Unheld()
LONGEST_SPREAD_H = 168  # an increment over more hours says nothing about any of them


@dataclass(frozen=True, slots=True)
class Series:
    """The columns of a series: its key, its cumulative counters, and values that are carried along."""

    key: str
    counters: tuple[str, ...]
    carried: tuple[str, ...] = ()

    @property
    def values(self) -> tuple[str, ...]:
        """Return counters and carried columns."""
        return self.counters + self.carried


def series_versions(
    observations: ir.Table, series: Series, *, shown: Sequence[str] = (), work: Workspace = UNHELD
) -> ir.Table:
    """Return one row per key, hour and version: increments (float64), ``is_gap``, ``is_reset``, levels.

    Columns: the key, ``hour``, ``created``, ``<counter>`` (increment), ``level_<value>``, ``is_gap``, ``is_reset``.

    The first level has no increment. A counter that goes down has none either, and its row ``is_reset``. An increment
    over several hours (up to 168; over more it is null) is spread evenly; the hours without an observation are rows of
    their own with ``is_gap`` and without levels. ``shown`` are the columns in which a version must differ from the one
    before it; without them all versions are kept, for sums over several series.
    """
    columns = [series.key, "observed_at", "fetched_at", *series.values]
    known = observations.select(*columns).mutate(hour=hour_of(observations.observed_at))
    ordered = work.hold(_with_previous(known, series))
    is_disturbed = (ordered.hour == ordered.previous_hour) | (ordered.fetched_at < ordered.previous_fetched_at)
    disturbed = work.hold(ordered.filter(is_disturbed).select(series.key).distinct())
    if work.is_empty(disturbed):
        return _spread(_increments(_calm_steps(ordered, series), series), series)
    calm = ordered.anti_join(disturbed, series.key)
    late = ordered.select(*known.columns).semi_join(disturbed, series.key)
    single = _spread(_increments(_calm_steps(calm, series), series), series)
    several = _spread(_increments(_late_steps(late, series, work=work), series), series)
    several = last_versions(work.hold(several), [series.key])
    if shown:
        several = changed_versions(several, [series.key], shown)
    return union_rows(single, several.select(*single.columns))


def last_versions(rows: ir.Table, keys: Sequence[str]) -> ir.Table:
    """Keep, of the versions of a row that become visible within the same hour, the one created last."""
    window = ibis.window(group_by=[*keys, "hour"], order_by="created")
    visible = rows.mutate(visible_hour=ibis.greatest(rows.hour, hour_of(rows.created)))
    follow = visible.mutate(next_hour=visible.visible_hour.lead().over(window))
    last = follow.filter(follow.next_hour.isnull() | (follow.next_hour > follow.visible_hour))
    return last.drop("visible_hour", "next_hour")


def changed_versions(rows: ir.Table, keys: Sequence[str], values: Sequence[str]) -> ir.Table:
    """Keep the versions that differ from the one before of their row in any of the values; null equals null."""
    rows = nullable(rows)
    window = ibis.window(group_by=[*keys, "hour"], order_by="created")
    before = {f"before_{value}": rows[value].lag().over(window) for value in values}
    follow = rows.mutate(created_before=rows.created.lag().over(window), **before)
    is_same = ibis.and_(*(follow[value].identical_to(follow[f"before_{value}"]) for value in values))
    return follow.filter(follow.created_before.isnull() | ~is_same).select(*rows.columns)


def _with_previous(known: ir.Table, series: Series) -> ir.Table:
    window = ibis.window(group_by=series.key, order_by=[known.observed_at, known.fetched_at])
    return known.mutate(
        previous_hour=known.hour.lag().over(window),
        previous_fetched_at=known.fetched_at.lag().over(window),
        **{f"previous_{counter}": known[counter].lag().over(window) for counter in series.counters},
    )


def _calm_steps(calm: ir.Table, series: Series) -> ir.Table:
    """Return one step per observation: series in which every hour has one observation, fetched in order."""
    return _step_columns(calm.mutate(created=calm.fetched_at), series)


def _late_steps(known: ir.Table, series: Series, *, work: Workspace) -> ir.Table:
    """Return every version of every step, of series in any order."""
    chosen = work.hold(_chosen(known, series))
    hours = work.hold(chosen.group_by(series.key, "hour").aggregate(known_from=chosen.valid_from.min()))
    pairs = work.hold(_pairs(hours, series.key))
    return _step_columns(_joined(pairs, chosen, series), series)


def _chosen(known: ir.Table, series: Series) -> ir.Table:
    """Return, per hour, each observation that was the newest one known at some moment, and until when it was."""
    key = series.key
    window = ibis.window(group_by=[key, "hour", "fetched_at"])
    newest = known.mutate(_newest=known.observed_at.max().over(window))
    newest = newest.filter(newest.observed_at == newest._newest)
    fetches = newest.group_by(key, "hour", "fetched_at").aggregate(
        observed_at=newest.observed_at.max(), **{value: newest[value].max() for value in series.values}
    )
    so_far = ibis.window(group_by=[key, "hour"], order_by="fetched_at", preceding=None, following=0)
    leading = fetches.mutate(_leader=fetches.observed_at.max().over(so_far))
    leading = leading.filter(leading.observed_at == leading._leader).drop("_leader", "observed_at")
    after = ibis.window(group_by=[key, "hour"], order_by="fetched_at")
    return leading.mutate(valid_to=leading.fetched_at.lead().over(after)).rename(valid_from="fetched_at")


def _pairs(hours: ir.Table, key: str) -> ir.Table:
    """Return which hour was the one observed before which, from when and until when.

    Where the hour before was known first, that is all. Otherwise earlier hours count until a nearer one is known.
    """
    window = ibis.window(group_by=key, order_by="hour")
    neighbours = hours.mutate(
        previous_hour=hours.hour.lag().over(window), previous_from=hours.known_from.lag().over(window)
    )
    is_settled = neighbours.previous_hour.isnull() | (neighbours.previous_from <= neighbours.known_from)
    never = ibis.null("timestamp('UTC', 6)")
    settled = neighbours.filter(is_settled).select(key, "hour", "previous_hour", pair_from="known_from", pair_to=never)
    open_hours = neighbours.filter(~is_settled).select(key, "hour", "known_from")
    earlier = hours.select(key, previous_hour="hour", previous_from="known_from")
    candidates = open_hours.join(earlier, key)
    candidates = candidates.filter(candidates.previous_hour < candidates.hour)
    nearer = ibis.window(group_by=[key, "hour"], order_by=ibis.desc("previous_hour"), preceding=None, following=0)
    candidates = candidates.mutate(_reach=candidates.previous_from.min().over(nearer))
    step = ibis.window(group_by=[key, "hour"], order_by=ibis.desc("previous_hour"))
    candidates = candidates.mutate(pair_to=candidates._reach.lag().over(step))
    pair_from = ibis.greatest(candidates.known_from, candidates.previous_from)
    known = candidates.filter(candidates.pair_to.isnull() | (pair_from < candidates.pair_to))
    known = known.select(
        key, "hour", "previous_hour", pair_from=ibis.greatest(known.known_from, known.previous_from), pair_to="pair_to"
    )
    alone = candidates.group_by(key, "hour").aggregate(
        pair_from=candidates.known_from.min(), pair_to=candidates.previous_from.min()
    )
    alone = alone.filter(alone.pair_from < alone.pair_to).mutate(previous_hour=ibis.null("int64"))
    return union_rows(settled, known, alone.select(*settled.columns))


def _joined(pairs: ir.Table, chosen: ir.Table, series: Series) -> ir.Table:
    """Return the versions of every pair: when both observations were the chosen ones and the pair held."""
    key = series.key
    current = pairs.join(chosen, [key, "hour"])
    before = chosen.select(
        key, previous_hour="hour", from_before="valid_from", to_before="valid_to",
        **{f"previous_{counter}": counter for counter in series.counters},
    )  # fmt: skip
    first = current.filter(current.previous_hour.isnull())
    first = first.mutate(
        from_before=first.valid_from, to_before=first.valid_to,
        **{f"previous_{counter}": ibis.null("int64") for counter in series.counters},
    )  # fmt: skip
    later = current.filter(current.previous_hour.notnull()).join(before, [key, "previous_hour"])
    versions = union_rows(first, later.select(*first.columns))
    created = ibis.greatest(versions.valid_from, versions.from_before)
    start = ibis.greatest(created, versions.pair_from)
    holds = ibis.literal(True)
    for end in (versions.valid_to, versions.to_before, versions.pair_to):
        holds = holds & (end.isnull() | (start < end))
    return versions.filter(holds).mutate(created=created)


def _step_columns(rows: ir.Table, series: Series) -> ir.Table:
    previous = [f"previous_{counter}" for counter in series.counters]
    return rows.select(series.key, "hour", "created", "previous_hour", *series.values, *previous)


def _increments(steps: ir.Table, series: Series) -> ir.Table:
    """Return what each step gains per hour."""
    hours = steps.hour - steps.previous_hour
    steps = steps.mutate(hours=ibis.ifelse(hours <= LONGEST_SPREAD_H, hours, ibis.null("int64")))
    gains = {counter: steps[counter] - steps[f"previous_{counter}"] for counter in series.counters}
    falls = ibis.literal(False)
    for gain in gains.values():
        falls = falls | (gain < 0).fill_null(False)
    rates = {
        counter: ibis.ifelse(gain >= 0, gain.cast("float64") / steps.hours.cast("float64"), ibis.null("float64"))
        for counter, gain in gains.items()
    }
    levels = {f"level_{value}": steps[value] for value in series.values}
    return steps.select(series.key, "hour", "created", "hours", is_reset=falls, **rates, **levels)


def _spread(steps: ir.Table, series: Series) -> ir.Table:
    """Return the steps, and before each the hours that it covers without an observation."""
    own = steps.mutate(is_gap=ibis.literal(False)).drop("hours")
    long = steps.filter(steps.hours > 1)
    gaps = long.mutate(_hour=ibis.range(long.hour - long.hours + 1, long.hour).unnest()).drop("hour", "hours")
    empty = {f"level_{value}": ibis.null(own[f"level_{value}"].type()) for value in series.values}
    gaps = gaps.rename(hour="_hour").mutate(is_gap=ibis.literal(True), is_reset=ibis.literal(False), **empty)
    return union_rows(own, gaps.select(*own.columns))
