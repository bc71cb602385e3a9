"""Columns that may be null, as windows and unions need them.

ClickHouse tells columns that may be null from those that may not, and at the edge of a window gives the latter 0 or
1970 in place of null.
"""

import ibis
import ibis.expr.types as ir


def nullable(rows: ir.Table) -> ir.Table:
    """Return the rows with columns that may all be null."""
    return rows.cast({name: kind(nullable=True) for name, kind in rows.schema().items()})


def union_rows(*tables: ir.Table) -> ir.Table:
    """Return the rows of all tables, with the columns of the first one, all of which may be null."""
    kinds = {name: kind(nullable=True) for name, kind in tables[0].schema().items()}
    return ibis.union(*(table.select(*kinds).cast(kinds) for table in tables)) if len(tables) > 1 else tables[0]
