"""What only ClickHouse promises: several writers, a killed one, and what another client sees."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from trenddrop.core.errors import ConfigError, ConflictError, EngineError
from trenddrop.core.settings import ClickHouseSettings
from trenddrop.schemas import TableSchema
from trenddrop.warehouse.clickhouse import ClickHouseWarehouse

PAIRS = TableSchema(name="pairs", columns={"left": "!string", "n": "!int64"}, key=("left",))
WRITER = Path(__file__).with_name("writer.py")


def pairs(*rows: tuple[str, int]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"left": pl.String, "n": pl.Int64}, orient="row")


def numbers(warehouse: ClickHouseWarehouse) -> list[int]:
    return sorted(warehouse.table("pairs").n.to_pyarrow().to_pylist())


def settings_of(warehouse: ClickHouseWarehouse) -> ClickHouseSettings:
    return ClickHouseSettings(interface="chdb", database=warehouse.backend.con.database)


def run_together(*tasks: Callable[[], object]) -> None:
    errors: list[BaseException] = []

    def run(task: Callable[[], object]) -> None:
        try:
            task()
        except BaseException as error:  # noqa: BLE001 - reported below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


@pytest.fixture
def wh(clickhouse: ClickHouseWarehouse) -> ClickHouseWarehouse:
    clickhouse.ensure_table(PAIRS)
    return clickhouse


@pytest.fixture
def others(wh: ClickHouseWarehouse) -> Iterator[list[ClickHouseWarehouse]]:
    """Warehouses over the same database with connections of their own, as other processes have."""
    opened = [ClickHouseWarehouse(settings_of(wh)) for _ in range(3)]
    yield opened
    for warehouse in opened:
        warehouse.close()


def test_transactions_with_the_same_claim_exclude_each_other(
    wh: ClickHouseWarehouse, others: list[ClickHouseWarehouse]
) -> None:
    def count_up(mine: ClickHouseWarehouse) -> None:
        def append_next() -> None:
            newest = mine.table("pairs").n.max().to_pyarrow().as_py()
            time.sleep(0.005)
            mine.append("pairs", pairs(("x", 0 if newest is None else newest + 1)))

        for _ in range(3):
            mine.transact(append_next, claim="next")

    run_together(*(lambda mine=mine: count_up(mine) for mine in others))
    assert numbers(wh) == list(range(9))


def test_two_upserts_of_the_same_row_leave_one(wh: ClickHouseWarehouse, others: list[ClickHouseWarehouse]) -> None:
    wh.append("pairs", pairs(("a", 0)))

    def upsert(mine: ClickHouseWarehouse, number: int) -> None:
        def body() -> None:
            mine.delete("pairs", pairs(("a", 0)).select("left"))
            time.sleep(0.02)
            mine.append("pairs", pairs(("a", number)))

        mine.transact(body)

    run_together(*(lambda mine=mine, n=n: upsert(mine, n) for n, mine in enumerate(others)))
    assert len(numbers(wh)) == 1


def test_a_delete_takes_what_others_appended_meanwhile(
    wh: ClickHouseWarehouse, others: list[ClickHouseWarehouse]
) -> None:
    def upsert() -> None:
        others[0].append("pairs", pairs(("a", 1)))
        assert numbers(wh) == []  # reads are of the transaction's beginning
        wh.delete("pairs", pairs(("a", 0)).select("left"))
        wh.append("pairs", pairs(("a", 2)))

    wh.transact(upsert)
    assert numbers(wh) == [2]


def test_the_same_batch_from_several_writers_is_appended_once(
    wh: ClickHouseWarehouse, others: list[ClickHouseWarehouse]
) -> None:
    batches = TableSchema(name="batches", columns={"n": "!int64", "batch_id": "!string"}, key=("n",))
    wh.ensure_table(batches)
    rows = pl.DataFrame({"n": [1, 2], "batch_id": "b"})
    run_together(*(lambda mine=mine: mine.append_batch("batches", rows, batch_id="b") for mine in others))
    assert wh.table("batches").count().to_pyarrow().as_py() == 2


def test_a_writer_that_always_loses_says_so(
    wh: ClickHouseWarehouse, others: list[ClickHouseWarehouse], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)

    def body() -> None:
        wh.append("pairs", pairs(("mine", 0)))
        others[0].transact(lambda: others[0].append("pairs", pairs(("theirs", 1))), claim="c")

    with pytest.raises(ConflictError, match="12 attempts"):
        wh.transact(body, claim="c")
    assert set(numbers(wh)) == {1}


def test_nobody_else_sees_an_open_transaction(wh: ClickHouseWarehouse, others: list[ClickHouseWarehouse]) -> None:
    seen: list[list[int]] = []

    def body() -> None:
        wh.append("pairs", pairs(("a", 1)))
        seen.append(numbers(wh))
        seen.append(numbers(others[0]))
        thread = threading.Thread(target=lambda: seen.append(numbers(wh)))
        thread.start()
        thread.join()
        others[1].append("pairs", pairs(("b", 2)))
        seen.append(numbers(wh))

    wh.transact(body)
    assert seen == [[1], [], [], [1]]  # itself; others; another thread; what others finish meanwhile
    assert numbers(wh) == [1, 2]


def test_any_client_reads_only_what_is_committed(wh: ClickHouseWarehouse) -> None:
    wh.append("pairs", pairs(("a", 1), ("b", 2)))
    wh.delete("pairs", pairs(("a", 1)))
    with pytest.raises(KeyError):
        wh.transact(lambda: (wh.append("pairs", pairs(("c", 3))), {}["stop"]))
    assert wh.backend.con.query("SELECT * FROM pairs").result_rows == [("b", 2)]
    assert wh.backend.con.query("SELECT count() FROM pairs__rows").result_rows == [(3,)]


def test_a_transaction_without_writes_is_no_commit(wh: ClickHouseWarehouse) -> None:
    before = wh.snapshot_id()
    assert wh.transact(lambda: 5, claim="c") == 5
    assert wh.snapshot_id() == before


def test_a_transaction_that_takes_too_long_is_refused(clickhouse: ClickHouseWarehouse) -> None:
    moments = iter([datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=9 * n) for n in range(9)])
    slow = ClickHouseWarehouse(settings_of(clickhouse), clock=lambda: next(moments))
    slow.ensure_table(PAIRS)
    with pytest.raises(EngineError, match="fewer rows"):
        slow.append("pairs", pairs(("a", 1)))
    slow.close()
    assert clickhouse.table("pairs").count().to_pyarrow().as_py() == 0


def test_sigkill_leaves_all_of_a_transaction_or_none(tmp_path: Path) -> None:
    path = tmp_path / "clickhouse"
    process = subprocess.Popen([sys.executable, str(WRITER), "write", str(path)])
    deadline = time.monotonic() + 120
    while not (path.parent / "begun").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.3)
    process.kill()
    process.wait()
    answer = subprocess.run([sys.executable, str(WRITER), "read", str(path)], capture_output=True, check=True)
    found = json.loads(answer.stdout)
    assert found["left"] == found["right"] > 0
    assert found["left_rows"] == found["right_rows"] == found["left"]  # compacted: the unfinished are gone


@pytest.mark.parametrize("database", ["a b", "x; DROP DATABASE y", "", "1a"])
def test_a_database_name_is_a_name(database: str) -> None:
    with pytest.raises(ConfigError, match="database"):
        ClickHouseWarehouse(ClickHouseSettings(interface="chdb", database=database))


def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(EngineError, match=r"http://localhost:1\b"):
        ClickHouseWarehouse(ClickHouseSettings(interface="http", port=1))
