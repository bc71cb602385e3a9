"""Where Feast's own ClickHouse store is wrong and ours is right, on the same engine and the same rows."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import polars as pl
import pytest

from trenddrop.feature_store.access import lend
from trenddrop.schemas import TableSchema
from trenddrop.schemas.table import TIMESTAMP
from trenddrop.warehouse.clickhouse import ClickHouseWarehouse

START = datetime(2026, 1, 1, tzinfo=UTC)
STAMP = pl.Datetime("us", "UTC")
SALES = TableSchema(
    name="sales",
    columns={"country": "!string", "shop": "!string", "happened": f"!{TIMESTAMP}", "revenue": "!float64"},
    key=("country", "shop", "happened"),
)
OURS = {"type": "trenddrop.feature_store.offline.WarehouseOfflineStore", "home": "/unused"}


@pytest.fixture
def sales(clickhouse: ClickHouseWarehouse) -> ClickHouseWarehouse:
    rows = [("1", "23", START, 1.0), ("12", "3", START, 2.0)]
    clickhouse.ensure_table(SALES)
    clickhouse.append("sales", pl.DataFrame(rows, schema=list(SALES.columns), orient="row"))
    clickhouse.backend.con.command("CREATE TABLE plain ENGINE = MergeTree ORDER BY shop AS SELECT * FROM sales")
    return clickhouse


def revenues(folder: Path, offline: dict[str, Any], source: Any) -> list[tuple[str, str, float | None]]:
    from feast import Entity, FeatureStore, FeatureView, Field, ValueType
    from feast.repo_config import RepoConfig
    from feast.types import Float64, String

    config = RepoConfig(
        project="peer",
        provider="local",
        registry=str(folder / "registry.db"),
        offline_store=offline,
        entity_key_serialization_version=3,
    )
    config.repo_path = folder
    store = FeatureStore(config=config)
    entities = [Entity(name=name, join_keys=[name], value_type=ValueType.STRING) for name in ("country", "shop")]
    keys = [Field(name="country", dtype=String), Field(name="shop", dtype=String)]
    schema = [*keys, Field(name="revenue", dtype=Float64)]
    view = FeatureView(name="sales", entities=entities, schema=schema, source=source, ttl=timedelta(days=1))
    store.apply([*entities, view])
    asked = pl.DataFrame(
        {"country": ["1", "12", "9"], "shop": ["23", "3", "9"], "event_timestamp": [START + timedelta(hours=1)] * 3},
        schema_overrides={"event_timestamp": STAMP},
    ).to_pandas()
    job = store.get_historical_features(entity_df=asked, features=["sales:revenue"])
    return sorted(job.to_arrow().select(["country", "shop", "revenue"]).to_pandas().itertuples(index=False, name=None))


def test_ours_tells_composite_keys_and_missing_values_apart(
    sales: ClickHouseWarehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from trenddrop.feature_store.source import WarehouseSource

    with lend(sales):
        ours = revenues(tmp_path, OURS, WarehouseSource(table="sales", timestamp_field="happened"))
    assert ours[:2] == [("1", "23", 1.0), ("12", "3", 2.0)]
    assert ours[2][:2] == ("9", "9")
    assert pl.Series([ours[2][2]]).fill_nan(None).null_count() == 1

    for name in ("psycopg", "psycopg.conninfo", "psycopg_pool"):  # of the PostgreSQL store that Feast's one builds on
        monkeypatch.setitem(sys.modules, name, MagicMock(name=name))
    from feast.infra.offline_stores.contrib.clickhouse_offline_store.clickhouse_source import ClickhouseSource
    from feast.infra.utils.clickhouse import connection_utils

    database = sales.backend.con.database
    monkeypatch.setattr(connection_utils, "thread_local", MagicMock(spec=[]))
    host = {"host": "localhost", "database": database, "user": "default", "password": ""}
    offline = {"type": "clickhouse", **host, "additional_client_args": {"interface": "chdb"}}
    (tmp_path / "peer").mkdir()
    theirs = revenues(
        tmp_path / "peer", offline, ClickhouseSource(name="plain", table="plain", timestamp_field="happened")
    )
    assert theirs.count(("1", "23", 2.0)) == 1  # the value of the other shop: "1" + "23" is "12" + "3"
    assert ("9", "9", 0.0) in theirs  # nothing was sold there, which is not zero
