"""Running totals: what a set holds at an hour, from the hours at which things enter and leave it."""

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from trenddrop.staging.unions import union_rows

PARTS = 1 << 40  # of one: a value as a whole number of them has sums that do not depend on the order of the rows


def in_parts(value: ir.NumericValue) -> ir.IntegerValue:
    """Return a number of absolute value up to 1 as a whole number of parts of one, to the nearest."""
    return (value.cast("float64") * float(PARTS) + 0.5).floor().cast("int64")


def running_totals(
    moments: ir.Table, changes: ir.Table, *, keys: Sequence[str], sums: Sequence[str] = (), maxima: Sequence[str] = ()
) -> ir.Table:
    """Return, per (keys, hour) of ``moments``, the sum and maximum of all changes of the keys up to that hour.

    ``changes`` has the keys, ``hour`` and columns of whole numbers (int64 or float64) that are never null: what enters
    is added at its first hour and taken off again at the first hour without it. Nothing yet is 0. One sort, however
    many things there are.
    """
    columns = (*sums, *maxima)
    zeros = {name: ibis.literal(0, type="int64").cast(changes[name].type()) for name in columns}
    asked = moments.select(*keys, "hour").mutate(is_asked=ibis.literal(1).cast("int64"), **zeros)
    given = changes.select(*keys, "hour", is_asked=ibis.literal(0).cast("int64"), **{c: changes[c] for c in columns})
    rows = union_rows(asked, given)
    hours = rows.group_by(*keys, "hour").aggregate(
        is_asked=rows.is_asked.max(),
        **{name: rows[name].sum().cast(changes[name].type()) for name in sums},
        **{name: rows[name].max() for name in maxima},
    )
    so_far = ibis.window(group_by=list(keys), order_by="hour", preceding=None, following=0)
    totals = hours.mutate(
        **{name: hours[name].sum().over(so_far).cast(changes[name].type()) for name in sums},
        **{name: hours[name].max().over(so_far) for name in maxima},
    )
    return totals.filter(totals.is_asked == 1).drop("is_asked")
