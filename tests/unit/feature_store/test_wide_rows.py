import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trenddrop.feature_store import wide_rows
from trenddrop.feature_store.wide_rows import WideTable

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
GROWTH = WideTable("growth", ("hashtag_id",), ("velocity", "is_new"), ttl=2 * HOUR)
CALENDAR = WideTable("calendar", ("hashtag_id",), ("hour",))


def stamp(hours: float) -> int:
    return wide_rows.microseconds(START + timedelta(hours=hours))


@pytest.fixture
def online(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = wide_rows.connect(str(tmp_path / "online.sqlite"))
    yield connection
    connection.close()


def read(online: sqlite3.Connection, *hashtags: str, hour: float, table: WideTable = GROWTH) -> list[object]:
    keys = [(hashtag,) for hashtag in hashtags]
    found = wide_rows.read(online, table, keys, table.features, moment=START + timedelta(hours=hour))
    return [found.get(key) for key in keys]


def test_reads_back_what_was_written_with_its_event(online: sqlite3.Connection):
    wide_rows.upsert(online, GROWTH, [("a", stamp(1), stamp(1), 0.5, 1), ("b", stamp(1), stamp(1), None, 0)])
    assert read(online, "b", "nobody", "a", hour=1) == [(stamp(1), None, 0), None, (stamp(1), 0.5, 1)]


def test_a_value_exactly_as_old_as_its_time_to_live_is_alive(online: sqlite3.Connection):
    wide_rows.upsert(online, GROWTH, [("a", stamp(1), stamp(1), 0.5, 1)])
    assert read(online, "a", hour=3) == [(stamp(1), 0.5, 1)]
    assert read(online, "a", hour=3.0001) == [None]


def test_an_older_row_is_ignored_and_a_later_version_replaces(online: sqlite3.Connection):
    wide_rows.upsert(online, GROWTH, [("a", stamp(2), stamp(3), 2.0, 1)])
    wide_rows.upsert(online, GROWTH, [("a", stamp(1), stamp(9), 1.0, 1), ("a", stamp(2), stamp(2), 1.5, 1)])
    assert read(online, "a", hour=2) == [(stamp(2), 2.0, 1)]
    wide_rows.upsert(online, GROWTH, [("a", stamp(2), stamp(4), 2.5, None)])
    assert read(online, "a", hour=2) == [(stamp(2), 2.5, None)]


def test_a_table_gets_the_columns_of_new_features(online: sqlite3.Connection):
    wide_rows.upsert(online, GROWTH, [("a", stamp(1), stamp(1), 0.5, 1)])
    wider = WideTable("growth", ("hashtag_id",), ("velocity", "is_new", "theme"))
    assert read(online, "a", hour=1, table=wider) == [(stamp(1), 0.5, 1, None)]
    wide_rows.upsert(online, wider, [("b", stamp(1), stamp(1), 0.1, 0, "food")])
    assert read(online, "b", "a", hour=1, table=wider) == [(stamp(1), 0.1, 0, "food"), (stamp(1), 0.5, 1, None)]


def test_other_keys_start_a_table_afresh(online: sqlite3.Connection):
    wide_rows.upsert(online, GROWTH, [("a", stamp(1), stamp(1), 0.5, 1)])
    other = WideTable("growth", ("hashtag_id", "region"), ("velocity",))
    wide_rows.upsert(online, other, [("a", "VN", stamp(1), stamp(1), 0.7)])
    assert wide_rows.read(online, other, [("a", "VN")], ["velocity"], moment=START) == {("a", "VN"): (stamp(1), 0.7)}


def test_a_failed_batch_leaves_nothing(online: sqlite3.Connection):
    with pytest.raises(sqlite3.IntegrityError):
        wide_rows.upsert(online, GROWTH, [("a", stamp(1), stamp(1), 0.5, 1), ("b", None, None, 0.5, 1)])
    assert read(online, "a", hour=1) == [None]


def test_one_query_joins_the_views_in_the_order_asked_for(online: sqlite3.Connection):
    wide_rows.upsert(online, GROWTH, [("a", stamp(1), stamp(1), 0.5, 1)])
    wide_rows.upsert(online, CALENDAR, [("a", stamp(1), stamp(1), 1), ("\"quo'ted", stamp(1), stamp(1), 2)])
    reads = [(GROWTH, {"speed": "velocity"}), (CALENDAR, {"hour": "hour"})]
    asked = ["\"quo'ted", "a", "nobody", "a"]
    rows = wide_rows.read_joined(online, reads, asked, moment=START + HOUR)
    assert rows == [(asked[0], None, 2), ("a", 0.5, 1), ("nobody", None, None), ("a", 0.5, 1)]
    later = wide_rows.read_joined(online, reads, ["a"], moment=START + 9 * HOUR)
    assert later == [("a", None, 1)]


def test_a_view_that_was_never_written_reads_as_nulls(online: sqlite3.Connection):
    reads = [(GROWTH, {"velocity": "velocity"}), (CALENDAR, {"hour": "hour"})]
    assert wide_rows.read_joined(online, reads, ["a"], moment=START) == [("a", None, None)]
    assert read(online, "a", hour=1) == [None]


def test_more_keys_than_one_statement_takes(online: sqlite3.Connection):
    hashtags = [f"h{i}" for i in range(3 * wide_rows.BATCH_KEYS + 1)]
    wide_rows.upsert(online, CALENDAR, [(hashtag, stamp(1), stamp(1), i) for i, hashtag in enumerate(hashtags)])
    assert read(online, *hashtags, hour=1, table=CALENDAR) == [(stamp(1), i) for i in range(len(hashtags))]


def test_moments_survive_as_microseconds():
    moment = datetime(2026, 3, 29, 2, 30, 0, 123456, tzinfo=UTC)
    assert wide_rows.moment_of(wide_rows.microseconds(moment)) == moment


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 5), st.integers(0, 5), st.integers()), max_size=12))
@settings(max_examples=50, deadline=None)
def test_rows_in_any_order_leave_the_newest(rows: list[tuple[str, int, int, int]]):
    online = sqlite3.connect(":memory:", isolation_level=None)
    newest: dict[str, tuple[int, int, int]] = {}
    for i, (key, event, created, _) in enumerate(rows):
        wide_rows.upsert(online, CALENDAR, [(key, stamp(event), stamp(created), i)])
        if key not in newest or (event, created) >= newest[key][:2]:
            newest[key] = (event, created, i)
    expected = [(stamp(newest[key][0]), newest[key][2]) if key in newest else None for key in "ab"]
    assert read(online, "a", "b", hour=9, table=CALENDAR) == expected
    online.close()
