"""What was known of an entity at each hour in which something of it became known, and how fast it had grown.

An observation is known from the hour that holds the later of its two moments, when it was made and when it was
fetched. What is known at T is the newest observation among those that became known in (T-7d, T].
"""

from collections.abc import Mapping, Sequence

import ibis
import ibis.expr.types as ir

from trenddrop.features.definition import ratio
from trenddrop.features.visibility import Stage, lazily, with_columns_of
from trenddrop.normalized.hours import hour_of

MEMORY_H = 168  # an observation is forgotten after these hours without a newer one
GROWTH_WINDOWS_H = (1, 6, 24, 168)

_SECONDS = 3600.0


def entity_states(observations: ir.Table, *, key: str, values: Sequence[str], stage: Stage = lazily) -> ir.Table:
    """Return one row per (key, hour) in which an observation became known: the newest one's values by then.

    Adds ``hour`` and ``observed_s`` (when the newest was made, in seconds since 1970). Newest is the greatest
    (observed_at, fetched_at); equal ones give their greatest values.
    """
    rows = observations.group_by(key, "observed_at", "fetched_at").aggregate(
        **{name: observations[name].max() for name in values}
    )
    by_age = ibis.window(group_by=key, order_by=["observed_at", "fetched_at"])
    known_hour = ibis.greatest(hour_of(rows.observed_at), hour_of(rows.fetched_at))
    rows = stage(
        rows.select(
            key,
            *values,
            known_hour=known_hour,
            observed_s=rows.observed_at.epoch_seconds().cast("int64"),
            place=(ibis.row_number().over(by_age) + 1).cast("int64"),
        )
    )
    hours = rows.group_by(key, hour=rows.known_hour).aggregate(place=rows.place.max())
    recent = ibis.range_window(group_by=key, order_by="hour", preceding=(MEMORY_H - 1, 0))
    hours = hours.select(key, "hour", place=hours.place.max().over(recent))
    return stage(with_columns_of(hours, rows.drop("known_hour"), (key, "place")).drop("place"))


def with_bases(
    states: ir.Table, values: Mapping[str, str], *, key: str, windows_h: Sequence[int] = GROWTH_WINDOWS_H
) -> ir.Table:
    """Add, for each window w, the values that were known at T - w, and the hours between the two observations.

    ``values`` maps a column to its short name: ``followers_base_24h``; the elapsed hours are ``elapsed_24h``. The base
    is what was known at the last hour of (T-2w, T-w] in which something became known; null where there is none.
    """
    for w in windows_h:
        frame = ibis.range_window(group_by=key, order_by="hour", preceding=(2 * w - 1, w))
        states = states.mutate(base_hour=states.hour.max().over(frame).cast("int64"))
        base = states.select(
            key,
            base_hour=states.hour,
            base_s=states.observed_s,
            **{f"{short}_base_{w}h": states[name] for name, short in values.items()},
        )
        states = with_columns_of(states, base, (key, "base_hour"))
        elapsed = (states.observed_s - states.base_s).cast("float64") / _SECONDS
        states = states.mutate(**{f"elapsed_{w}h": elapsed}).drop("base_hour", "base_s")
    return states


def velocity(t: ir.Table, column: str, short: str, window_h: int, *, may_fall: bool = False) -> ir.FloatingValue:
    """Return the gain per hour between the base of the window and now.

    Null where both are the same observation. A counter that only goes up and has gone down was reset: null.
    """
    gained = (t[column] - t[f"{short}_base_{window_h}h"]).cast("float64")
    if not may_fall:
        gained = ibis.ifelse(gained < 0.0, ibis.null("float64"), gained)
    elapsed = t[f"elapsed_{window_h}h"]
    return gained / ibis.ifelse(elapsed > 0.0, elapsed, ibis.null("float64"))


def growth(t: ir.Table, column: str, short: str, window_h: int, *, may_fall: bool = False) -> ir.FloatingValue:
    """Return the gain since the base of the window over the base; null where the base is null or zero."""
    base = t[f"{short}_base_{window_h}h"]
    gained = (t[column] - base).cast("float64")
    if not may_fall:
        gained = ibis.ifelse(gained < 0.0, ibis.null("float64"), gained)
    return ratio(gained, base)
