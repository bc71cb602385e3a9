"""What every store of wide rows promises, asked of SQLite and of a real Redis."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trenddrop.core.errors import EngineError
from trenddrop.feature_store import wide_rows
from trenddrop.feature_store.sqlite_rows import SqliteRows
from trenddrop.feature_store.wide_rows import CREATED, EVENT, WideRead, WideRows, WideTable

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
GROWTH = WideTable("growth", ("hashtag_id",), {"velocity": "number", "is_new": "flag"}, ttl=2 * HOUR)
CALENDAR = WideTable("calendar", ("hashtag_id",), {"hour": "whole"})
Open = Callable[[], WideRows]


def stamp(hours: float) -> int:
    return wide_rows.microseconds(START + timedelta(hours=hours))


@pytest.fixture(params=["sqlite", "redis"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens the same store once more, as another process would."""
    if request.param == "sqlite":
        path = str(tmp_path / "online" / "rows.sqlite")
        stores: list[WideRows] = []
        make: Open = lambda: SqliteRows(path)  # noqa: E731
    else:
        from trenddrop.feature_store.redis_rows import RedisRows

        url, stores = request.getfixturevalue("redis_url"), []
        make = lambda: RedisRows(url, is_expiring=False)  # noqa: E731 - the tests read at moments long past

    def another() -> WideRows:
        stores.append(make())
        return stores[-1]

    yield another
    for store in stores:
        store.close()


@pytest.fixture
def online(opened: Open) -> WideRows:
    return opened()


def write(online: WideRows, table: WideTable, *rows: tuple[Any, ...]) -> None:
    """Each row: keys, event, created (hours), features."""
    n = len(table.keys)
    columns = [*zip(*rows, strict=True)]
    cells = {name: pa.array(column) for name, column in zip(table.keys, columns, strict=False)}
    for field, column in zip(table.schema(), columns[n:], strict=True):
        hours = field.name in (EVENT, CREATED)
        cells[field.name] = pa.array([stamp(cell) for cell in column] if hours else column, type=field.type)
    online.upsert(table, pa.table(cells))


def read(online: WideRows, *keys: Any, hour: float, table: WideTable = GROWTH) -> list[tuple[object, ...] | None]:
    """The event (in hours) and the features of each key; None where nothing is alive."""
    asked = [key if isinstance(key, tuple) else (key,) for key in keys]
    wanted = WideRead(table, {name: name for name in table.features})
    found = online.read([wanted], asked, moment=START + timedelta(hours=hour))
    assert found.schema == wide_rows.answer_schema([wanted])
    assert found.height == len(keys)
    return [None if row[0] is None else ((row[0] - stamp(0)) / 3.6e9, *row[1:]) for row in found.iter_rows()]


def test_reads_back_what_was_written_with_its_event(online: WideRows):
    write(online, GROWTH, ("a", 1, 1, 0.5, True), ("b", 1, 1, None, False))
    assert read(online, "b", "nobody", "a", "b", hour=1) == [(1, None, False), None, (1, 0.5, True), (1, None, False)]


def test_a_value_exactly_as_old_as_its_time_to_live_is_alive(online: WideRows):
    write(online, GROWTH, ("a", 1, 1, 0.5, True))
    assert read(online, "a", hour=3) == [(1, 0.5, True)]
    one_microsecond_later = 3 + 1 / 3.6e9
    assert read(online, "a", hour=one_microsecond_later) == [None]


def test_an_older_row_is_ignored_and_a_later_version_replaces(online: WideRows):
    write(online, GROWTH, ("a", 2, 3, 2.0, True))
    write(online, GROWTH, ("a", 1, 9, 1.0, True), ("a", 2, 2, 1.5, True))
    assert read(online, "a", hour=2) == [(2, 2.0, True)]
    write(online, GROWTH, ("a", 2, 3, 2.5, None))
    assert read(online, "a", hour=2) == [(2, 2.5, None)]
    write(online, GROWTH, ("a", 2, 3 + 1 / 3.6e9, 2.6, None), ("a", 2, 3, 2.7, None))
    assert read(online, "a", hour=2) == [(2, 2.6, None)]


def test_what_is_removed_reads_as_if_it_had_never_been_written(online: WideRows):
    online.remove(GROWTH, [("a",)])  # nothing was written yet
    write(online, GROWTH, ("a", 1, 1, 0.5, True), ("a'b", 1, 1, 0.5, True), ("b", 1, 1, 0.7, False))
    write(online, CALENDAR, ("a", 1, 1, 7))
    online.remove(GROWTH, [("a",), ("a'b",), ("nobody",)])
    assert read(online, "a", "a'b", "b", hour=1) == [None, None, (1, 0.7, False)]
    assert read(online, "a", hour=1, table=CALENDAR) == [(1, 7)]
    write(online, GROWTH, ("a", 0, 0, 0.1, None))  # older than what was removed
    assert read(online, "a", hour=1) == [(0, 0.1, None)]


def test_what_is_removed_from_sqlite_leaves_the_disk(tmp_path: Path):
    store = SqliteRows(str(tmp_path / "rows.sqlite"))
    write(store, GROWTH, ("tiktok:sourdough", 1, 1, 0.5, True), ("tiktok:rye", 1, 1, 0.5, True))
    store.remove(GROWTH, [("tiktok:sourdough",)])
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert (b"sourdough" in written, b"rye" in written) == (False, True)
    store.close()


def test_every_kind_of_cell_survives_exactly(online: WideRows):
    kinds = {"number": "number", "whole": "whole", "flag": "flag", "text": "text", "blob": "blob", "more": "text"}
    table = WideTable("kinds", ("id",), kinds)  # type: ignore[arg-type]
    rows = [
        ("a", 1, 1, 0.1 + 0.2, 2**62 + 1, True, 'Việt Nam 🇻🇳 "quo\'ted"', b"\x00\xff", "x"),
        ("b", 1, 1, -5e-324, -(2**63), False, "", b"", "a longer text"),
        ("c", 1, 1, float("inf"), 0, None, None, None, None),
        ("d", 1, 1, None, None, None, None, b"\x01", "end"),
        ("e", 1, 1, float("nan"), None, None, None, None, None),
    ]
    write(online, table, *rows)
    expected = [(1, *row[3:]) for row in rows[:4]] + [(1, None, None, None, None, None, None)]
    assert read(online, *"abcde", hour=1, table=table) == expected


def test_more_features_than_a_byte_has_bits(online: WideRows):
    table = WideTable("many", ("id",), {f"f{i}": "number" for i in range(21)})
    values = [None if i % 3 == 0 else i / 7 for i in range(21)]
    write(online, table, ("a", 1, 1, *values))
    assert read(online, "a", hour=1, table=table) == [(1, *values)]


def test_a_table_gets_the_columns_of_new_features(online: WideRows, opened: Open):
    write(online, GROWTH, ("a", 1, 1, 0.5, True))
    wider = WideTable("growth", ("hashtag_id",), {"theme": "text", "velocity": "number", "is_new": "flag"})
    assert read(online, "a", hour=1, table=wider) == [(1, None, 0.5, True)]
    online.create(wider)
    write(opened(), wider, ("b", 1, 1, "food", 0.1, False))
    assert read(online, "b", "a", hour=1, table=wider) == [(1, "food", 0.1, False), (1, None, 0.5, True)]
    narrower = WideTable("growth", ("hashtag_id",), {"is_new": "flag"})
    assert read(online, "b", "a", hour=1, table=narrower) == [(1, False), (1, True)]


def test_a_feature_may_change_from_whole_to_real_numbers(online: WideRows):
    write(online, CALENDAR, ("a", 1, 1, 7))
    assert read(online, "a", hour=1, table=WideTable("calendar", ("hashtag_id",), {"hour": "number"})) == [(1, 7.0)]


def test_other_keys_start_a_table_afresh(online: WideRows):
    write(online, GROWTH, ("a", 1, 1, 0.5, True))
    other = WideTable("growth", ("region",), {"velocity": "number"})
    online.create(other)
    assert read(online, "a", hour=1, table=other) == [None]
    write(online, other, ("a", 1, 1, 0.7))
    assert read(online, "a", hour=1, table=other) == [(1, 0.7)]


def test_composite_keys_do_not_collide(online: WideRows):
    table = WideTable("pairs", ("a", "b"), {"x": "whole"})
    keys = [("1", "23"), ("12", "3"), ("", "123"), ("1,2", '"3'), ("1", '2","3')]
    write(online, table, *((*key, 1, 1, i) for i, key in enumerate(keys)))
    assert read(online, *keys, ("123", ""), hour=1, table=table) == [*((1, i) for i in range(len(keys))), None]


def test_keys_may_be_numbers(online: WideRows):
    table = WideTable("numbers", ("creator", "day"), {"x": "whole"})
    write(online, table, (2**53 + 1, 7, 1, 1, 0), (2**53, 7, 1, 1, 1))
    assert read(online, (2**53, 7), (2**53 + 1, 7), (7, 2**53), hour=1, table=table) == [(1, 1), (1, 0), None]
    single = WideTable("single", ("creator",), {"x": "whole"})
    write(online, single, (12, 1, 1, 5))
    assert read(online, 12, 1, hour=1, table=single) == [(1, 5), None]


@pytest.mark.parametrize("key", ["a*", "a?", "[a]", "a\\", "a b\n", "a=b#c", "'", "A"])
def test_keys_mean_themselves(online: WideRows, key: str):
    write(online, CALENDAR, ("a", 1, 1, 1), (key, 1, 1, 2))
    assert read(online, key, "a", "a\0", hour=1, table=CALENDAR) == [(1, 2), (1, 1), None]


def test_one_read_joins_the_views_in_the_order_asked_for(online: WideRows):
    write(online, GROWTH, ("a", 1, 1, 0.5, True))
    write(online, CALENDAR, ("a", 2, 2, 1), ("\"quo'ted", 1, 1, 2))
    reads = [WideRead(GROWTH, {"speed": "velocity"}), WideRead(CALENDAR, {"hour": "hour"})]
    asked = [("\"quo'ted",), ("a",), ("nobody",), ("a",)]

    def at(hour: float) -> list[tuple[object, ...]]:
        return online.read(reads, asked, moment=START + hour * HOUR).rows()

    assert at(2) == [(stamp(1), None, 2), (stamp(2), 0.5, 1), (None, None, None), (stamp(2), 0.5, 1)]
    assert at(9)[1] == (stamp(2), None, 1)


def test_the_event_is_that_of_the_newest_view_alive(online: WideRows):
    write(online, GROWTH, ("a", 5, 5, 0.5, True))
    write(online, CALENDAR, ("a", 1, 1, 1))
    reads = [WideRead(GROWTH, {"speed": "velocity"}), WideRead(CALENDAR, {"hour": "hour"})]
    events = [online.read(reads, [("a",)], moment=START + hour * HOUR)[EVENT].item() for hour in (6, 8)]
    assert events == [stamp(5), stamp(1)]


def test_a_view_that_was_never_written_reads_as_nulls(online: WideRows):
    reads = [WideRead(GROWTH, {"velocity": "velocity"}), WideRead(CALENDAR, {"hour": "hour"})]
    assert online.read(reads, [("a",)], moment=START).rows() == [(None, None, None)]
    assert read(online, "a", hour=1) == [None]


def test_nobody_asked_for(online: WideRows):
    write(online, GROWTH, ("a", 1, 1, 0.5, True))
    assert read(online, hour=1) == []


def test_a_dropped_table_is_gone_and_its_neighbours_stay(online: WideRows):
    neighbour = WideTable("growth_x", ("hashtag_id",), {"velocity": "number"})
    write(online, GROWTH, ("a", 1, 1, 0.5, True))
    write(online, neighbour, ("a", 1, 1, 0.7))
    online.drop(GROWTH)
    online.drop(GROWTH)
    assert read(online, "a", hour=1) == [None]
    assert read(online, "a", hour=1, table=neighbour) == [(1, 0.7)]
    write(online, GROWTH, ("a", 0, 0, 0.4, True))
    assert read(online, "a", hour=1) == [(0, 0.4, True)]


def test_many_entities_in_one_read(online: WideRows):
    ids = [f"h{i}" for i in range(12_345)]
    write(online, CALENDAR, *((one, 1, 1, i) for i, one in enumerate(ids)))
    assert read(online, *reversed(ids), hour=1, table=CALENDAR) == [(1, i) for i in reversed(range(len(ids)))]


def test_concurrent_writers_leave_the_newest(opened: Open):
    """Eight writers, each with its own connection, write the same entities in orders of their own."""
    opened().create(CALENDAR)
    failed: list[BaseException] = []

    def write_all(writer: int) -> None:
        try:
            online = opened()
            for i in range(20):
                event = (i * 7 + writer * 5) % 20
                write(online, CALENDAR, *((f"h{j}", event, event, event * 10) for j in range(20)))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write_all, args=(writer,)) for writer in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert read(opened(), *(f"h{j}" for j in range(20)), hour=30, table=CALENDAR) == [(19, 190)] * 20


def test_a_reader_sees_whole_rows_while_others_write(opened: Open):
    table = WideTable("pair", ("id",), {"left": "whole", "right": "whole"})
    online, done = opened(), threading.Event()
    write(online, table, ("a", 0, 0, 0, 0))

    def write_all() -> None:
        for i in range(1, 100):
            write(writer, table, ("a", i, i, i, i))
        done.set()

    writer = opened()
    thread = threading.Thread(target=write_all)
    thread.start()
    seen = []
    while not done.is_set():
        seen += read(online, "a", hour=200, table=table)
    thread.join()
    assert all(row is not None and row[0] == row[1] == row[2] for row in seen)
    assert seen == sorted(seen)  # type: ignore[type-var]


def test_threads_may_share_a_store(online: WideRows):
    write(online, CALENDAR, ("a", 1, 1, 1))
    found: list[object] = []

    def ask() -> None:
        found.extend(read(online, "a", hour=1, table=CALENDAR) for _ in range(20))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[(1, 1)]] * 80


def test_moments_survive_as_microseconds():
    moment = datetime(2026, 3, 29, 2, 30, 0, 123456, tzinfo=UTC)
    assert wide_rows.moment_of(wide_rows.microseconds(moment)) == moment


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 5), st.integers(0, 5)), max_size=12))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_in_any_order_leave_the_newest(online: WideRows, rows: list[tuple[str, int, int]]):
    online.drop(CALENDAR)
    newest: dict[str, tuple[int, int, int]] = {}
    for i, (key, event, created) in enumerate(rows):
        write(online, CALENDAR, (key, event, created, i))
        if key not in newest or (event, created) >= newest[key][:2]:
            newest[key] = (event, created, i)
    expected = [(newest[key][0], newest[key][2]) if key in newest else None for key in "ab"]
    assert read(online, "a", "b", hour=9, table=CALENDAR) == expected


def test_sqlite_closes_the_connections_of_threads_that_ended(tmp_path: Path):
    online, opened = SqliteRows(str(tmp_path / "rows.sqlite")), []
    thread = threading.Thread(target=lambda: opened.append(online.connection()))
    thread.start()
    thread.join()
    with pytest.raises(sqlite3.ProgrammingError, match="closed database"):
        opened[0].execute("SELECT 1")
    mine = online.connection()
    online.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed database"):
        mine.execute("SELECT 1")
    online.ping()
    online.close()


def test_sqlite_says_where_its_file_cannot_be_opened(tmp_path: Path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(EngineError, match=r"online store .*file/rows.sqlite: .*File exists"):
        SqliteRows(str(tmp_path / "file" / "rows.sqlite")).ping()


def test_a_failed_batch_leaves_nothing(tmp_path: Path):
    online = SqliteRows(str(tmp_path / "rows.sqlite"))
    cells = pa.table({"hashtag_id": ["a", "b"], EVENT: [1, None], CREATED: [1, 1], "hour": [1, 2]})
    with pytest.raises(EngineError, match="NOT NULL"):
        online.upsert(CALENDAR, cells)
    assert read(online, "a", hour=1, table=CALENDAR) == [None]
    online.close()


def test_all_answers_agree_across_the_stores(tmp_path: Path, redis_url: str):
    """Both stores hold the same rows of every kind and are asked at every edge."""
    from trenddrop.feature_store.redis_rows import RedisRows

    table = WideTable("t", ("id",), {"x": "number", "n": "whole", "s": "text"}, ttl=2 * HOUR)
    stores: list[WideRows] = [SqliteRows(str(tmp_path / "rows.sqlite")), RedisRows(redis_url, is_expiring=False)]
    rows = [(f"h{i}", i % 5, i % 3, i / 3 if i % 4 else None, i, f"text {i}") for i in range(40)]
    for online, half in product(stores, (0, 1)):
        write(online, table, *rows[half::2])
    reads = [WideRead(table, {"s": "s", "x": "x", "n": "n"})]
    keys = [(f"h{i}",) for i in range(45)]
    for hour in range(8):
        one, other = (online.read(reads, keys, moment=START + hour * HOUR) for online in stores)
        assert isinstance(one, pl.DataFrame)
        assert one.equals(other), hour
    for online in stores:
        online.close()
