"""Ibis on chdb: Arrow results of the right types, and memtables."""

from datetime import UTC, date, datetime

import ibis
import polars as pl
import pyarrow as pa

from trenddrop.warehouse.clickhouse import ClickHouseWarehouse

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def test_results_have_the_types_of_their_expression(clickhouse: ClickHouseWarehouse) -> None:
    staged = clickhouse.stage(pl.DataFrame({"at": [MOMENT, None], "n": [1, None], "tags": [["a"], []]}))
    expr = staged.select(
        "at",
        "tags",
        day=staged.at.date(),
        hour=staged.at.truncate("h"),
        week=staged.at.day_of_week.index(),
        epoch=staged.at.epoch_seconds(),
        flag=staged.n > 0,
        ratio=staged.n / 2,
        text=staged.n.cast("string"),
        kind=ibis.literal("x"),
        whole=staged.n.cast("decimal(10, 2)"),
    )
    got = expr.to_pyarrow()
    assert got.schema.types == expr.schema().to_pyarrow().types
    first = next(row for row in got.to_pylist() if row["at"] is not None)
    assert first["day"] == date(2026, 1, 2)
    assert first["hour"].replace(tzinfo=UTC) == datetime(2026, 1, 2, 3, tzinfo=UTC)
    assert (first["week"], first["epoch"], first["flag"], first["ratio"]) == (4, int(MOMENT.timestamp()), True, 0.5)
    second = next(row for row in got.to_pylist() if row["at"] is None)
    assert {name: value for name, value in second.items() if value is not None} == {"tags": [], "kind": "x"}


def test_a_scalar_is_a_scalar(clickhouse: ClickHouseWarehouse) -> None:
    staged = clickhouse.stage(pl.DataFrame({"n": [1, 2]}))
    assert staged.n.sum().to_pyarrow().as_py() == 3
    assert staged.n.max().execute() == 2
    assert staged.n.to_pyarrow().to_pylist() == [1, 2]


def test_a_memtable_is_sent_once_and_dropped_at_release(clickhouse: ClickHouseWarehouse) -> None:
    memtable = ibis.memtable(pa.table({"n": [1, 2], "word": ["a", None]}))
    assert clickhouse.backend.to_pyarrow(memtable.count()).as_py() == 2
    assert clickhouse.backend.to_pyarrow(memtable.word.count()).as_py() == 1
    assert any("memtable" in name for name in clickhouse.backend.list_tables())
    clickhouse.release()
    assert not any("memtable" in name for name in clickhouse.backend.list_tables())
    assert clickhouse.backend.to_pyarrow(memtable.count()).as_py() == 2
