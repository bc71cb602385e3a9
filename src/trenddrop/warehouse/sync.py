"""Bring stored rows to what a computation gives, and touch only the rows that differ."""

import ibis.expr.types as ir

from trenddrop.schemas import TableSchema
from trenddrop.warehouse.rows import has_rows
from trenddrop.warehouse.warehouse import Warehouse


def sync(wh: Warehouse, schema: TableSchema, rows: ir.Table, stored: ir.Table, *, claim: str | None = None) -> int:
    """Replace ``stored`` (the part of the table in question) by ``rows`` and return how many rows were appended.

    Rows that are equal in every column stay untouched, so the second run in a row writes nothing. ``rows`` should be
    staged: they are read several times.
    """

    def body() -> int:  # compares inside, so that two processes with the same claim do not append the same rows
        if not has_rows(stored):
            return wh.append(schema.name, rows.select(*schema.columns))
        now, before = _nullable(rows, schema), _nullable(wh.stage(stored.select(*schema.columns)), schema)
        changed = wh.stage(now.difference(before))
        outdated = wh.stage(before.difference(now).select(*schema.key))
        if has_rows(outdated):
            wh.delete(schema.name, outdated)
        return wh.append(schema.name, changed) if has_rows(changed) else 0

    return wh.transact(body, claim=claim or schema.name)


def _nullable(rows: ir.Table, schema: TableSchema) -> ir.Table:
    """Return the columns of the schema; a staged table has forgotten which of them are never null."""
    return rows.select(rows[name].cast(dtype.copy(nullable=True)).name(name) for name, dtype in schema.ibis().items())
