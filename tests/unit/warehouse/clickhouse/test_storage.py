"""How tables lie in ClickHouse."""

import pytest

from trenddrop.schemas import TABLES, TableSchema, raw_data
from trenddrop.warehouse.clickhouse import ClickHouseWarehouse
from trenddrop.warehouse.clickhouse.storage import create_rows_sql


@pytest.mark.parametrize(
    ("name", "partition"),
    [
        ("hashtag_metrics", "toYYYYMM(`timestamp`)"),
        ("hashtag_features", "toYYYYMM(`feature_timestamp`)"),
        ("video_observations", "toYYYYMM(`observed_at`)"),
        ("raw_tiktok_data", "toYYYYMM(`created_at`)"),
        ("hashtags", None),
        ("ingestion_batches", None),
    ],
)
def test_what_grows_with_time_is_partitioned_by_month(name: str, partition: str | None) -> None:
    schema = TABLES.get(name) or raw_data("tiktok")
    statement = create_rows_sql(name, schema.columns, schema)
    assert (f"PARTITION BY {partition}" in statement) == (partition is not None)
    assert ("PARTITION BY" in statement) == (partition is not None)


def test_rows_are_sorted_by_their_key(clickhouse: ClickHouseWarehouse) -> None:
    clickhouse.ensure_table(TABLES["hashtag_metrics"])
    query = (
        "SELECT partition_key, sorting_key FROM system.tables "
        "WHERE database = currentDatabase() AND name = 'hashtag_metrics__rows'"
    )
    assert clickhouse.backend.con.query(query).result_rows == [
        ("toYYYYMM(timestamp)", "hashtag_id, timestamp, created_timestamp")
    ]


def test_a_filter_reaches_the_sorting_key_through_the_view(clickhouse: ClickHouseWarehouse) -> None:
    clickhouse.ensure_table(TABLES["hashtag_metrics"])
    sql = "EXPLAIN indexes = 1 SELECT view_count FROM hashtag_metrics WHERE hashtag_id = 'a'"
    clickhouse.backend.con.command("INSERT INTO hashtag_metrics__rows (hashtag_id) VALUES ('a')")
    plan = "\n".join(row[0] for row in clickhouse.backend.con.query(sql).result_rows)
    assert "hashtag_id in ['a', 'a']" in plan


def test_a_table_without_a_layout_can_be_made(clickhouse: ClickHouseWarehouse) -> None:
    clickhouse.create_table("free", {"a": "string", "tags": "!array<string>"})
    assert clickhouse.table("free").schema().names == ("a", "tags")
    clickhouse.ensure_table(TableSchema(name="nullable_key", columns={"a": "string"}, key=("a",)))
    assert clickhouse.has_table("nullable_key")
