"""The order of transactions: no number twice, nothing lost, whoever stops in the middle."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from trenddrop.core.errors import ConflictError
from trenddrop.core.settings import ClickHouseSettings
from trenddrop.warehouse.clickhouse import ClickHouseWarehouse
from trenddrop.warehouse.clickhouse.commit_log import CommitLog, Marker
from trenddrop.warehouse.clickhouse.connection import connect

NOON = datetime(2026, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def log(clickhouse: ClickHouseWarehouse) -> CommitLog:
    return CommitLog(clickhouse.backend.con)


@pytest.fixture
def another_log(clickhouse: ClickHouseWarehouse) -> Iterator[Callable[[], CommitLog]]:
    """Open logs of the same database on connections of their own, as other processes would."""
    clients = []

    def open_log() -> CommitLog:
        clients.append(connect(ClickHouseSettings(interface="chdb", database=clickhouse.backend.con.database)))
        return CommitLog(clients[-1])

    yield open_log
    for client in clients:
        client.close()


def marker(name: str, *claims: str) -> Marker:
    return Marker(name, claims, NOON)


def allow(after: int, upto: int) -> None:
    """Forbid nothing."""


def commits(log: CommitLog) -> list[tuple[int, str]]:
    return [
        tuple(row) for row in log.client.query("SELECT DISTINCT seq, commit_id FROM _commits ORDER BY 1").result_rows
    ]


def slots(log: CommitLog) -> list[str]:
    query = "SELECT name FROM system.tables WHERE database = currentDatabase() AND startsWith(name, '_slot_')"
    return [name for (name,) in log.client.query(query).result_rows]


def test_a_marker_survives_its_slot() -> None:
    given = Marker('it\'s \\ "1"', ("ünï", "b,c", "]"), NOON)
    assert Marker.loads(given.dumps()) == given


def test_numbers_count_up_and_slots_go(log: CommitLog) -> None:
    assert log.head() == 0
    assert [log.publish(marker(name), base=0, check=allow) for name in "abc"] == [1, 2, 3]
    assert commits(log) == [(1, "a"), (2, "b"), (3, "c")]
    assert slots(log) == []


def test_check_sees_every_transaction_after_the_base_once(log: CommitLog) -> None:
    for name in "abc":
        log.publish(marker(name), base=log.head(), check=allow)
    seen: list[tuple[int, int]] = []
    log.publish(marker("d"), base=1, check=lambda after, upto: seen.append((after, upto)))
    log.publish(marker("e"), base=4, check=lambda after, upto: seen.append((after, upto)))
    assert seen == [(1, 3)]


def test_what_a_check_forbids_is_not_written(log: CommitLog) -> None:
    log.publish(marker("a"), base=0, check=allow)

    def forbid(after: int, upto: int) -> None:
        raise ConflictError("no")

    with pytest.raises(ConflictError):
        log.publish(marker("b"), base=0, check=forbid)
    assert (commits(log), slots(log)) == ([(1, "a")], [])


def test_a_claim_is_seen_in_its_range(log: CommitLog) -> None:
    log.publish(marker("a", "x", "it's"), base=0, check=allow)
    log.publish(marker("b"), base=1, check=allow)
    assert log.claimed(("it's",), after=0, upto=2)
    assert not log.claimed(("it's",), after=1, upto=2)
    assert not log.claimed(("its",), after=0, upto=2)
    assert not log.claimed((), after=0, upto=2)


def test_whoever_finds_a_slot_taken_finishes_its_owners_work(log: CommitLog) -> None:
    assert log._take(1, marker("killed", "x"))  # and then its process was killed
    seen: list[bool] = []
    seq = log.publish(marker("next"), base=0, check=lambda a, b: seen.append(log.claimed(("x",), after=a, upto=b)))
    assert seq == 2
    assert seen == [True]  # the finished transaction of the killed excludes as any other does
    assert commits(log) == [(1, "killed"), (2, "next")]


def test_tidy_finishes_and_drops_slots(log: CommitLog) -> None:
    log.publish(marker("a"), base=0, check=allow)
    log._take(1, marker("too late"))
    log._take(2, marker("killed"))
    log.tidy()
    assert (commits(log), slots(log)) == ([(1, "a"), (2, "killed")], [])


def test_a_slot_taken_after_its_number_was_settled_is_given_back(
    log: CommitLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.publish(marker("a"), base=0, check=allow)
    newest, looks = CommitLog.head, iter([0])  # the first look is from before "a" was written
    monkeypatch.setattr(CommitLog, "head", lambda self: next(looks, newest(self)))
    assert log.publish(marker("b"), base=0, check=allow) == 2
    assert (commits(log), slots(log)) == ([(1, "a"), (2, "b")], [])


def test_an_owner_whose_work_somebody_finished_has_one_number(log: CommitLog, monkeypatch: pytest.MonkeyPatch) -> None:
    take = CommitLog._take

    def take_and_be_helped(self: CommitLog, seq: int, given: Marker) -> bool:
        taken = take(self, seq, given)
        self._finish(seq)  # as another writer would, before we look
        return taken

    monkeypatch.setattr(CommitLog, "_take", take_and_be_helped)
    assert log.publish(marker("a"), base=0, check=allow) == 1
    assert (commits(log), slots(log)) == ([(1, "a")], [])


def test_many_writers_get_one_number_each(log: CommitLog, another_log: Callable[[], CommitLog]) -> None:
    got: dict[str, int] = {}

    def write(writer: int, mine: CommitLog) -> None:
        for number in range(8):
            name = f"{writer}-{number}"
            got[name] = mine.publish(marker(name), base=mine.head(), check=allow)

    threads = [threading.Thread(target=write, args=(writer, another_log())) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got.values()) == list(range(1, 33))
    assert dict(commits(log)) == {seq: name for name, seq in got.items()}
    log.tidy()
    assert slots(log) == []
