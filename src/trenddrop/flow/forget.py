"""Remove a person, a video or a hashtag from every table, for good."""

from typing import Literal

import ibis
import polars as pl

from trenddrop.core.errors import InputError
from trenddrop.flow.workspace import Workspace
from trenddrop.schemas import TABLES

Kind = Literal["creator", "video", "hashtag"]


def forget(workspace: Workspace, kind: Kind, entity_id: str) -> dict[str, int]:
    """Delete every row of the entity and every raw record that names it; return deleted rows per table.

    ``creator`` takes the creator's videos along. Aggregates over many people (hashtag metrics) stay. Old snapshots
    are dropped too, so that time travel does not bring the rows back.
    """
    wh = workspace.warehouse
    column = f"{kind}_id"
    deleted: dict[str, int] = {}
    source_id = entity_id.removeprefix(f"{entity_id.split(':', 1)[0]}:")
    if not source_id:
        raise InputError(f"{kind} id {entity_id!r} is empty; give it as the tables hold it")
    key = pl.DataFrame({column: [entity_id]})
    videos = (
        wh.table("videos").filter(ibis._[column] == entity_id).select("video_id").to_polars()
        if kind == "creator"
        else None
    )
    raw_ids = {name: _raw_ids(workspace, name, source_id) for name in raw_tables(workspace)}

    def body() -> dict[str, int]:
        for name, schema in TABLES.items():
            if column in schema.columns:
                deleted[name] = wh.delete(name, key)
            if videos is not None and not videos.is_empty() and "video_id" in schema.columns:
                deleted[name] = deleted.get(name, 0) + wh.delete(name, videos)
        for name, ids in raw_ids.items():
            if not ids.is_empty():
                deleted[name] = wh.delete(name, ids)
        return {name: count for name, count in deleted.items() if count}

    counts = wh.transact(body, claim="ingest")
    wh.compact(keep_history=False)
    return counts


def raw_tables(workspace: Workspace) -> list[str]:
    """Return the names of the raw tables there are."""
    systems = workspace.warehouse.table("ingestion_batches").select("source_system").distinct().to_polars()
    names = sorted({f"raw_{system}_data" for system in [*systems["source_system"].to_list(), "trenddrop"]})
    return [name for name in names if workspace.warehouse.has_table(name)]


def _raw_ids(workspace: Workspace, name: str, source_id: str) -> pl.DataFrame:
    raw = workspace.warehouse.table(name)
    return raw.filter(raw.raw_json.contains(f'"{source_id}"')).select("id").to_polars()
