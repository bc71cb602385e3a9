"""Keep a ClickHouse warehouse small: merge, apply old deletes, remove what was left behind, let rows expire."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from trenddrop.schemas import TableSchema
from trenddrop.warehouse.clickhouse.commit_log import CommitLog
from trenddrop.warehouse.clickhouse.connection import quoted
from trenddrop.warehouse.clickhouse.storage import (
    COMMITS,
    DELETED,
    HORIZON,
    STAGE_PREFIX,
    rows_table,
)

ORPHAN_AGE = timedelta(days=1)  # unfinished rows and scratch tables this old belong to nobody any more
SNAPSHOT_DAYS = 30  # how long compact() keeps old snapshots readable


def table_names(client: Any) -> list[str]:
    """Return the names of the warehouse's tables, without the book-keeping."""
    query = "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'MergeTree'"
    suffix = rows_table("")
    return sorted(name.removesuffix(suffix) for (name,) in client.query(query).result_rows if name.endswith(suffix))


def compact(client: Any, log: CommitLog, *, now: datetime, keep_history: bool) -> None:
    """Do all of the upkeep; every step may be cut short and run again."""
    log.tidy()
    names = table_names(client)
    oldest = f"{int((now - ORPHAN_AGE).timestamp() * 1000):013d}"
    _drop_scratch(client, oldest)
    for table in (DELETED, *(rows_table(name) for name in names)):
        column = "commit_id" if table == DELETED else "_commit_id"
        _delete(client, table, f"{column} < '{oldest}' AND {column} NOT IN (SELECT commit_id FROM {COMMITS})")
    kept_from = now - timedelta(days=SNAPSHOT_DAYS)
    _apply_deletes(client, names, horizon=log.head_before(kept_from) if keep_history else log.head())
    for table in (COMMITS, DELETED, *(rows_table(name) for name in names)):
        client.command(f"OPTIMIZE TABLE `{table}` FINAL SETTINGS optimize_skip_merged_partitions = 1")


def expire(client: Any, layouts: Mapping[str, TableSchema | None], *, now: datetime) -> dict[str, int]:
    """Delete rows past their retention and return how many visible ones per table."""
    expired: dict[str, int] = {}
    for name, layout in layouts.items():
        if layout is None or layout.retention_days is None or layout.event_timestamp is None:
            continue
        moment = quoted(f"{now - timedelta(days=layout.retention_days):%Y-%m-%d %H:%M:%S.%f}")
        old = f"`{layout.event_timestamp}` < toDateTime64({moment}, 6, 'UTC')"
        expired[name] = client.query(f"SELECT count() FROM `{name}` WHERE {old}").result_rows[0][0]
        _delete(client, rows_table(name), old)
    return expired


def _drop_scratch(client: Any, oldest: str) -> None:
    query = f"SELECT name FROM system.tables WHERE database = currentDatabase() AND startsWith(name, '{STAGE_PREFIX}')"
    for (name,) in client.query(query).result_rows:
        if name.removeprefix(STAGE_PREFIX) < oldest:
            client.command(f"DROP TABLE IF EXISTS `{name}`")


def _apply_deletes(client: Any, names: list[str], *, horizon: int) -> None:
    """Remove the rows whose deletion every readable snapshot knows, then their tombstones."""
    if not horizon:
        return
    client.command(f"INSERT INTO {HORIZON} VALUES ({horizon})")  # first: older snapshots must no longer be read
    known = f"commit_id IN (SELECT commit_id FROM {COMMITS} WHERE seq <= {horizon})"
    for name in names:
        dead = f"SELECT row_commit_id, row FROM {DELETED} WHERE table_name = {quoted(name)} AND {known}"
        _delete(client, rows_table(name), f"(_commit_id, _row) IN ({dead})")
    _delete(client, DELETED, known)


def _delete(client: Any, table: str, condition: str) -> None:
    """Delete rows for good; a mutation rewrites parts, so none is started for nothing."""
    if client.query(f"SELECT 1 FROM `{table}` WHERE {condition} LIMIT 1").result_rows:
        client.command(f"ALTER TABLE `{table}` DELETE WHERE {condition}")
