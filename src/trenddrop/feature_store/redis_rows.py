"""Wide rows in Redis (6.2 or newer): one packed value per view and entity, any number of them read in one round trip.

``<table>=<key>`` holds a row (``packed_rows``), ``<table>#layouts`` the layouts that rows were written with, and
``<table>#keys`` the names of the keys. A script on the server compares a row with the one that is there, so an older
row never replaces a newer one, however many write at once. A row expires once no reader would take it for alive.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import polars as pl
import pyarrow as pa
import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from trenddrop.core.errors import ConfigError, EngineError, IntegrityError
from trenddrop.feature_store.packed_rows import Layout, layouts_in, pack, unpack
from trenddrop.feature_store.wide_rows import EVENT, MICROSECOND, Key, WideRead, WideTable

ROWS_PER_WRITE = 500  # one script call; the server does nothing else meanwhile
KEYS_PER_READ = 5_000
CLOCK_SLACK_MS = 60_000  # clocks of servers differ: the reader decides what is alive, expiry only frees memory
TIMEOUT_S = 5.0

_WRITE = """
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
for i = 2, #KEYS do
    local row, expires = ARGV[2 * i - 1], ARGV[2 * i]
    local held = redis.call('GETRANGE', KEYS[i], 0, 15)
    local is_newer = true
    if #held == 16 then
        local held_event, held_created = struct.unpack('<i8i8', held)
        local event, created = struct.unpack('<i8i8', row)
        is_newer = event > held_event or (event == held_event and created >= held_created)
    end
    if is_newer and expires == '' then
        redis.call('SET', KEYS[i], row)
    elseif is_newer then
        redis.call('SET', KEYS[i], row, 'PXAT', expires)
    end
end
"""


class RedisRows:
    """Wide rows in one Redis server; without ``is_expiring`` dead rows stay, so that a past moment can be read."""

    def __init__(self, url: str, *, is_expiring: bool = True) -> None:
        self.place = _without_password(url)
        self._is_expiring = is_expiring
        self._layouts: dict[str, dict[bytes, Layout]] = {}
        self._created: dict[str, tuple[str, ...]] = {}
        retry = Retry(ExponentialBackoff(cap=0.5, base=0.05), retries=2)
        try:
            self._redis: Any = redis.Redis.from_url(
                url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=retry
            )
        except ValueError as error:
            raise ConfigError(f"online_store {self.place}: {error}; write redis://host:6379/0") from error
        self._write = self._redis.register_script(_WRITE)

    def create(self, table: WideTable) -> None:
        """Note the names of the keys; other keys than before start the table afresh."""
        names = json.dumps(table.keys).encode()
        with self._errors():
            if self._redis.get(f"{table.name}#keys") not in (None, names):
                self.drop(table)
            self._redis.set(f"{table.name}#keys", names)
        self._created[table.name] = table.keys

    def drop(self, table: WideTable) -> None:
        """Remove the view's rows; the server frees them in the background."""
        with self._errors():
            batch = []
            for key in self._redis.scan_iter(f"{_escaped(table.name)}=*", count=1_000):
                batch.append(key)
                if len(batch) == ROWS_PER_WRITE:
                    self._redis.unlink(*batch)
                    batch = []
            self._redis.unlink(*batch, f"{table.name}#layouts", f"{table.name}#keys")
        self._layouts.pop(table.name, None)
        self._created.pop(table.name, None)

    def upsert(self, table: WideTable, rows: pa.Table) -> None:
        """Write the rows, some hundreds in a script call; older ones than those there are ignored."""
        if self._created.get(table.name) != table.keys:
            self.create(table)
        layout = Layout(tuple(table.features.items()))
        keys = _redis_keys(table, list(zip(*(rows[name].to_pylist() for name in table.keys), strict=True)))
        values, expiries = pack(layout, rows), self._expiries(table, rows)
        with self._errors(), self._redis.pipeline(transaction=False) as pipe:
            for start in range(0, len(keys), ROWS_PER_WRITE):
                batch = slice(start, start + ROWS_PER_WRITE)
                cells = [cell for pair in zip(values[batch], expiries[batch], strict=True) for cell in pair]
                arguments = [layout.identity, layout.text, *cells]
                self._write([f"{table.name}#layouts", *keys[batch]], arguments, client=pipe)
            pipe.execute()

    def remove(self, table: WideTable, keys: Sequence[Key]) -> None:
        """Remove the rows of the keys, some hundreds in a call."""
        names = _redis_keys(table, keys)
        with self._errors():
            for start in range(0, len(names), ROWS_PER_WRITE):
                self._redis.unlink(*names[start : start + ROWS_PER_WRITE])

    def read(self, reads: Sequence[WideRead], keys: Sequence[Key], *, moment: datetime) -> pl.DataFrame:
        """Return one row per key, in their order; all views and entities come in one round trip."""
        wanted = [name for read in reads for name in _redis_keys(read.table, keys)]
        values = self._values(wanted)
        events: list[pl.Series] = []
        columns: list[pl.Series] = []
        for i, read in enumerate(reads):
            mine = values[i * len(keys) : (i + 1) * len(keys)]
            layouts = self._known_layouts(read.table, mine)
            kinds = {name: read.table.features[name] for name in read.features.values()}
            event, alive, found = unpack(mine, kinds, layouts, alive_from=read.table.alive_from(moment))
            events.append(pl.Series(EVENT, pa.array(event, mask=~alive)))
            by_feature = {series.name: series for series in found}
            columns += [by_feature[feature].alias(name) for name, feature in read.features.items()]
        if len(events) > 1:
            events = [pl.DataFrame({str(i): one for i, one in enumerate(events)}).max_horizontal().alias(EVENT)]
        return pl.DataFrame([*events, *columns]) if reads else pl.DataFrame(schema={EVENT: pl.Int64})

    def ping(self) -> str:
        """Return the server's address."""
        with self._errors():
            self._redis.ping()
        return self.place

    def close(self) -> None:
        """Release the connections."""
        self._redis.close()

    def _values(self, keys: Sequence[str | bytes]) -> list[bytes | None]:
        with self._errors():
            if len(keys) <= KEYS_PER_READ:
                return self._redis.mget(keys) if keys else []
            with self._redis.pipeline(transaction=False) as pipe:
                for start in range(0, len(keys), KEYS_PER_READ):
                    pipe.mget(keys[start : start + KEYS_PER_READ])
                return [value for batch in pipe.execute() for value in batch]

    def _known_layouts(self, table: WideTable, values: Sequence[bytes | None]) -> dict[bytes, Layout]:
        """Return the layouts of the rows; the server is asked only for those that this process never saw."""
        known = self._layouts.setdefault(table.name, {})
        if new := sorted(layouts_in(values) - known.keys()):
            with self._errors():
                texts = self._redis.hmget(f"{table.name}#layouts", new)
            if None in texts:
                raise IntegrityError(
                    f"online store {self.place}: rows of {table.name} without their layout; materialize them again"
                )
            known |= {identity: Layout.parse(text) for identity, text in zip(new, texts, strict=True)}
        return known

    def _expiries(self, table: WideTable, rows: pa.Table) -> list[str]:
        """Return when each row may go, in milliseconds since the epoch, or nothing where it stays."""
        if table.ttl is None or not self._is_expiring:
            return [""] * rows.num_rows
        dead_from = (rows[EVENT].to_numpy() + table.ttl // MICROSECOND) // 1_000 + CLOCK_SLACK_MS
        return [str(moment) for moment in np.maximum(dead_from, 1).tolist()]

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except redis.exceptions.ConnectionError as error:
            raise EngineError(
                f"online store {self.place}: not reachable ({error}); start the server, or mend online_store in "
                "settings.yaml"
            ) from error
        except redis.exceptions.RedisError as error:
            raise EngineError(f"online store {self.place}: {error}") from error


def _redis_keys(table: WideTable, keys: Sequence[Key]) -> list[bytes]:
    """Return the name of each row: a single text as it is, anything else as JSON, which no two keys share."""
    prefix = f"{table.name}=".encode()
    return [
        prefix + b"'" + key[0].encode("utf-8", "surrogatepass")
        if len(key) == 1 and isinstance(key[0], str)
        else prefix + json.dumps(key, separators=(",", ":")).encode()
        for key in keys
    ]


def _escaped(text: str) -> str:
    """Return the text so that a pattern of Redis means it literally."""
    return "".join(f"\\{one}" if one in "*?[]\\^-" else one for one in text)


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
