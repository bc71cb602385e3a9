"""What compaction takes away, and when."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from trenddrop.core.errors import NotFoundError
from trenddrop.core.settings import ClickHouseSettings
from trenddrop.schemas import TableSchema
from trenddrop.warehouse.clickhouse import ClickHouseWarehouse

PAIRS = TableSchema(name="pairs", columns={"left": "!string", "n": "!int64"}, key=("left",))
DAY = timedelta(days=1)


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def wh(clickhouse: ClickHouseWarehouse, clock: Clock) -> Iterator[ClickHouseWarehouse]:
    database = clickhouse.backend.con.database
    warehouse = ClickHouseWarehouse(ClickHouseSettings(interface="chdb", database=database), clock=clock)
    warehouse.ensure_table(PAIRS)
    warehouse.append("pairs", pairs(("a", 1), ("b", 2)))
    yield warehouse
    warehouse.close()


def pairs(*rows: tuple[str, int]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"left": pl.String, "n": pl.Int64}, orient="row")


def count(warehouse: ClickHouseWarehouse, table: str) -> int:
    return int(warehouse.backend.con.query(f"SELECT count() FROM `{table}`").result_rows[0][0])


def abort(warehouse: ClickHouseWarehouse) -> None:
    def body() -> None:
        warehouse.append("pairs", pairs(("c", 3)))
        warehouse.delete("pairs", pairs(("a", 1)))
        raise KeyError

    with pytest.raises(KeyError):
        warehouse.transact(body)


def test_unfinished_rows_and_deletes_go_after_a_day(wh: ClickHouseWarehouse, clock: Clock) -> None:
    abort(wh)
    wh.compact()
    assert (count(wh, "pairs__rows"), count(wh, "_deleted")) == (3, 1)  # a writer at work looks the same
    clock.now += 2 * DAY
    wh.compact()
    assert (count(wh, "pairs__rows"), count(wh, "_deleted"), count(wh, "pairs")) == (2, 0, 2)


def test_deletes_are_applied_to_the_rows_when_no_snapshot_needs_them(wh: ClickHouseWarehouse, clock: Clock) -> None:
    before = wh.snapshot_id()
    wh.delete("pairs", pairs(("a", 1)))
    wh.compact()
    assert (count(wh, "pairs__rows"), count(wh, "pairs")) == (2, 1)
    assert wh.table("pairs", snapshot=before).count().to_pyarrow().as_py() == 2
    clock.now += 31 * DAY
    wh.compact()
    assert (count(wh, "pairs__rows"), count(wh, "_deleted"), count(wh, "pairs")) == (1, 0, 1)
    with pytest.raises(NotFoundError, match="readable are 2 to 2"):
        wh.table("pairs", snapshot=before)
    assert wh.table("pairs", snapshot=wh.snapshot_id()).count().to_pyarrow().as_py() == 1


def test_without_history_deleted_rows_go_now(wh: ClickHouseWarehouse) -> None:
    wh.delete("pairs", pairs(("a", 1)))
    wh.compact(keep_history=False)
    assert (count(wh, "pairs__rows"), count(wh, "_deleted"), count(wh, "pairs")) == (1, 0, 1)


def test_parts_are_merged(wh: ClickHouseWarehouse) -> None:
    for number in range(4):
        wh.append("pairs", pairs(("x", number)))
    wh.compact()
    query = "SELECT count() FROM system.parts WHERE database = currentDatabase() AND table = 'pairs__rows' AND active"
    assert wh.backend.con.query(query).result_rows == [(1,)]
    assert count(wh, "pairs") == 6


def test_scratch_tables_of_a_killed_process_go_after_a_day(wh: ClickHouseWarehouse, clock: Clock) -> None:
    left_behind = wh.stage(pairs(("a", 1))).get_name()
    wh._staged.clear()
    wh.compact()
    assert left_behind in wh.backend.list_tables()
    clock.now += 2 * DAY
    mine = wh.stage(pairs(("a", 1))).get_name()
    wh.compact()
    assert left_behind not in wh.backend.list_tables()
    assert mine in wh.backend.list_tables()


def test_close_leaves_no_scratch(clickhouse: ClickHouseWarehouse) -> None:
    other = ClickHouseWarehouse(ClickHouseSettings(interface="chdb", database=clickhouse.backend.con.database))
    other.stage(pairs(("a", 1)))
    other.close()
    assert [name for name in clickhouse.backend.list_tables() if name.startswith("_stage_")] == []
