"""The latest state of entities, whatever order their records come in."""

import ibis
import ibis.expr.types as ir

from trenddrop.schemas import TABLES
from trenddrop.staging.engine import ParsingEngine
from trenddrop.staging.unions import union_rows
from trenddrop.warehouse import Warehouse, has_rows


def latest_state(rows: ir.Table, *, key: str) -> ir.Table:
    """Return one row per key: the values of the newest row, the earliest ``first_seen_at``.

    Among rows equally new the greatest value of each column counts, so that the result depends on the set of rows
    alone: states of parts can be merged into the state of the whole.
    """
    newest = (
        rows.group_by(key)
        .aggregate(first_seen=rows.first_seen_at.min(), newest_at=rows.last_updated_at.max())
        .rename(newest_key=key)
    )
    joined = rows.join(newest, [rows[key] == newest.newest_key, rows.last_updated_at == newest.newest_at])
    others = [column for column in rows.columns if column not in (key, "first_seen_at", "last_updated_at")]
    return joined.group_by(key).aggregate(
        first_seen_at=joined.first_seen.min(),
        last_updated_at=joined.newest_at.max(),
        **{column: joined[column].max() for column in others},
    )


def upsert_latest(wh: Warehouse, name: str, rows: ir.Table, *, engine: ParsingEngine) -> int:
    """Bring the latest state of the entities in ``rows`` up to date; call it inside a transaction."""
    key = TABLES[name].key[0]
    fresh = engine.hold(latest_state(rows, key=key))
    there = wh.table(name)
    if has_rows(there):
        ids = wh.stage(engine.give(fresh.select(key)))
        known = engine.fetch(there.semi_join(ids, key))
        if has_rows(known):
            wh.delete(name, engine.give(known.select(key)))
            absent = {name: ibis.null(known[name].type()) for name in known.columns if name not in fresh.columns}
            both = union_rows(known, fresh.mutate(**absent))
            fresh = engine.hold(latest_state(both, key=key))
    return wh.append(name, engine.give(fresh))
