"""Feast over the generated rows: ours as ``feature_repo`` configures it, and the stores that Feast releases."""

import os
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from string import Template
from typing import Any
from unittest.mock import MagicMock

import feature_rows as made
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

VIEW, TABLE, PLAIN = "history", "history", "plain"
ROWS, ASKED = "rows.parquet", "asked.parquet"


def prepare(shape: made.Shape, folder: Path, *, clickhouse: bool = False) -> None:
    """Write the rows to Parquet for Feast and to our warehouse; for ClickHouse also to a table in Feast's manner."""
    rows = made.feature_rows(shape)
    pq.write_table(made.entity_rows(shape), folder / ASKED)
    warehouse = open_clickhouse(folder) if clickhouse else open_ducklake(folder)
    warehouse.ensure_table(_schema(shape))
    for start in range(0, rows.num_rows, 1_000_000):
        warehouse.append(TABLE, rows.slice(start, 1_000_000))
    warehouse.compact(keep_history=False)
    if clickhouse:
        warehouse.backend.con.command(
            f"CREATE TABLE {PLAIN} ENGINE = MergeTree ORDER BY ({made.KEY}, {made.EVENT}) AS "
            f"SELECT {', '.join(rows.column_names)} FROM {TABLE}"
        )
    else:
        pq.write_table(rows, folder / ROWS)
    warehouse.close()


def asked(folder: Path) -> pa.Table:
    """Return the entity rows."""
    return pq.read_table(folder / ASKED)


def open_ducklake(folder: Path) -> Any:
    """Open our embedded warehouse."""
    from trenddrop.core.settings import Settings
    from trenddrop.warehouse import DuckLakeWarehouse

    return DuckLakeWarehouse(Settings(home=folder / "home"))


def open_clickhouse(folder: Path) -> Any:
    """Open our warehouse on the ClickHouse engine of this process."""
    from trenddrop.core.settings import ClickHouseSettings
    from trenddrop.warehouse.clickhouse import ClickHouseWarehouse

    return ClickHouseWarehouse(ClickHouseSettings(interface="chdb", database="bench"), path=folder / "clickhouse")


def ours(shape: made.Shape, folder: Path, *, ttl: timedelta) -> Any:
    """Return Feast as ``feature_repo`` configures it; apply it and read it while a warehouse is lent."""
    from trenddrop.feature_store.source import WarehouseSource

    text = Path(__file__).parents[2].joinpath("feature_repo", "feature_store.yaml").read_text(encoding="utf-8")
    shipped = yaml.safe_load(Template(text).safe_substitute(os.environ, TRENDDROP_HOME=str(folder / "home")))
    source = WarehouseSource(table=TABLE, timestamp_field=made.EVENT, created_timestamp_column=_created(shape))
    parts = {part: shipped[part] for part in ("offline_store", "online_store", "batch_engine")}
    return _store(shape, folder, parts, source, ttl=ttl)


def feast_duckdb(shape: made.Shape, folder: Path, *, ttl: timedelta) -> Any:
    """Return Feast with its DuckDB offline store, its local engine and its SQLite online store."""
    from feast import FileSource
    from feast.data_format import ParquetFormat

    source = FileSource(path=str(folder / ROWS), file_format=ParquetFormat(), timestamp_field=made.EVENT)
    online = {"type": "sqlite", "path": str(folder / f"online-{os.getpid()}.db")}
    parts = {"offline_store": {"type": "duckdb"}, "online_store": online, "batch_engine": {"type": "local"}}
    return _store(shape, folder, parts, source, ttl=ttl)


def feast_clickhouse(shape: made.Shape, folder: Path, *, ttl: timedelta, table: str = PLAIN) -> Any:
    """Return Feast with its ClickHouse offline store, on the ClickHouse engine of this process."""
    _without_postgres()
    from feast.infra.offline_stores.contrib.clickhouse_offline_store.clickhouse_source import ClickhouseSource

    offline = {
        "type": "clickhouse",
        "host": "localhost",
        "database": "bench",
        "user": "default",
        "password": "",
        "additional_client_args": {"interface": "chdb", "path": str(folder / "clickhouse")},
    }
    source = ClickhouseSource(
        name=table, table=table, timestamp_field=made.EVENT, created_timestamp_column=_created(shape)
    )
    return _store(shape, folder, {"offline_store": offline}, source, ttl=ttl)


def _created(shape: made.Shape) -> str:
    return made.CREATED if shape.late else ""


def _without_postgres() -> None:
    """Let Feast's ClickHouse store import its PostgreSQL store, a base class of it, without that one's driver."""
    for name in ("psycopg", "psycopg.conninfo", "psycopg_pool"):
        sys.modules.setdefault(name, MagicMock(name=name))


def _schema(shape: made.Shape) -> Any:
    from trenddrop.schemas import TableSchema
    from trenddrop.schemas.table import TIMESTAMP

    keys = {made.KEY: "!string", made.EVENT: f"!{TIMESTAMP}", made.CREATED: f"!{TIMESTAMP}"}
    return TableSchema(name=TABLE, columns=keys | dict.fromkeys(shape.features, "float64"), key=tuple(keys))


def _store(shape: made.Shape, folder: Path, parts: Mapping[str, Any], source: Any, *, ttl: timedelta) -> Any:
    from feast import Entity, FeatureStore, FeatureView, Field, ValueType
    from feast.repo_config import RepoConfig
    from feast.types import Float64, String

    config = RepoConfig(
        project="bench",
        provider="local",
        registry=str(folder / f"registry-{os.getpid()}.db"),
        entity_key_serialization_version=3,
        **parts,
    )
    config.repo_path = folder
    store = FeatureStore(config=config)
    entity = Entity(name="entity", join_keys=[made.KEY], value_type=ValueType.STRING)
    fields = [Field(name=made.KEY, dtype=String), *(Field(name=name, dtype=Float64) for name in shape.features)]
    store.apply([entity, FeatureView(name=VIEW, entities=[entity], ttl=ttl, schema=fields, source=source)])
    return store
