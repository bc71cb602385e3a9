"""What Redis alone has to do: expiry, layouts, and clear words when the server is away."""

from collections.abc import Iterator
from datetime import timedelta

import pyarrow as pa
import pytest
import redis

from trenddrop.core.errors import ConfigError, EngineError, IntegrityError
from trenddrop.core.time import utc_now
from trenddrop.feature_store.redis_rows import CLOCK_SLACK_MS, RedisRows
from trenddrop.feature_store.wide_rows import CREATED, EVENT, WideRead, WideTable, microseconds

HOUR = timedelta(hours=1)
TABLE = WideTable("t", ("id",), {"x": "number"}, ttl=2 * HOUR)
ETERNAL = WideTable("eternal", ("id",), {"x": "number"})
READ = [WideRead(TABLE, {"x": "x"})]


@pytest.fixture
def server(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def write(online: RedisRows, *ages: timedelta, table: WideTable = TABLE) -> None:
    events = [microseconds(utc_now() - age) for age in ages]
    names = [f"h{i}" for i in range(len(ages))]
    online.upsert(table, pa.table({"id": names, EVENT: events, CREATED: events, "x": [1.0] * len(ages)}))


def test_dead_rows_leave_memory_and_live_ones_have_the_rest_of_their_life(redis_url: str, server: redis.Redis):
    online = RedisRows(redis_url)
    write(online, timedelta(0), HOUR, 3 * HOUR)
    assert server.exists("t='h2") == 0
    for name, life in (("h0", 2 * HOUR), ("h1", HOUR)):
        left = server.pttl(f"t='{name}") - CLOCK_SLACK_MS
        assert life / timedelta(milliseconds=1) - 5_000 < left <= life / timedelta(milliseconds=1) + 1
    write(online, 9_000 * HOUR, table=ETERNAL)
    assert server.pttl("eternal='h0") == -1
    online.close()


def test_a_row_that_redis_still_keeps_is_hidden_once_dead(redis_url: str):
    online = RedisRows(redis_url, is_expiring=False)
    write(online, 3 * HOUR)
    assert online.read(READ, [("h0",)], moment=utc_now()).rows() == [(None, None)]
    online.close()


def test_a_read_is_one_round_trip(redis_url: str, server: redis.Redis):
    online = RedisRows(redis_url)
    write(online, *[timedelta(0)] * 300)
    write(online, *[timedelta(0)] * 300, table=ETERNAL)
    reads = [*READ, WideRead(ETERNAL, {"y": "x"})]
    keys = [(f"h{i}",) for i in range(300)]
    online.read(reads, keys, moment=utc_now())
    before = server.info("commandstats")
    found = online.read(reads, keys, moment=utc_now())
    after = server.info("commandstats")
    calls = {name: after[name]["calls"] - before.get(name, {"calls": 0})["calls"] for name in after}
    assert {name: n for name, n in calls.items() if n and name != "cmdstat_info"} == {"cmdstat_mget": 1}
    assert found["x"].to_list() == found["y"].to_list() == [1.0] * 300
    online.close()


def test_rows_without_their_layout_are_not_guessed_at(redis_url: str, server: redis.Redis):
    online = RedisRows(redis_url)
    write(online, timedelta(0))
    server.delete("t#layouts")
    with pytest.raises(IntegrityError, match="rows of t without their layout; materialize them again"):
        online.read(READ, [("h0",)], moment=utc_now())
    write(online, timedelta(0))
    assert online.read(READ, [("h0",)], moment=utc_now())["x"].to_list() == [1.0]
    online.close()


def test_a_server_that_is_away_is_named_without_its_password(redis_url: str):
    online = RedisRows("redis://user:secret@127.0.0.1:1/0")
    for question in (online.ping, lambda: online.read(READ, [("a",)], moment=utc_now()), lambda: write(online, HOUR)):
        with pytest.raises(EngineError, match=r"redis://127.0.0.1:1/0: not reachable .*online_store in settings.yaml"):
            question()
    with pytest.raises(EngineError) as raised:
        online.ping()
    assert "secret" not in str(raised.value)


def test_a_url_that_is_none_is_a_wrong_setting():
    with pytest.raises(ConfigError, match="write redis://host:6379/0"):
        RedisRows("redis://host:many/0")
