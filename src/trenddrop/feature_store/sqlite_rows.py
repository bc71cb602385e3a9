"""Wide rows in SQLite: a table per feature view, its primary key the join keys, one query for many entities and views.

Each thread has its own connection. SQLite has no NaN: it reads back as null.
"""

import json
import sqlite3
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from trenddrop.core.errors import EngineError
from trenddrop.feature_store.wide_rows import CREATED, EVENT, Key, WideRead, WideTable, answer_schema

_BEFORE_ALL = -(2**63)


class SqliteRows:
    """Wide rows in one file; readers never wait for a writer."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._local = threading.local()
        self._opened: weakref.WeakSet[_Connection] = weakref.WeakSet()
        self._opening = threading.Lock()

    def connection(self) -> sqlite3.Connection:
        """Return this thread's connection."""
        return self._mine().database

    def _mine(self) -> "_Connection":
        mine: _Connection | None = getattr(self._local, "mine", None)
        if mine is None:
            with self._errors():
                Path(self.path).parent.mkdir(parents=True, exist_ok=True)
                mine = self._local.mine = _Connection(connect(self.path))
            with self._opening:
                self._opened.add(mine)
        return mine

    def create(self, table: WideTable) -> None:
        """Create the table, or add the columns of features that are new; other keys start it afresh."""
        with self._errors():
            _create(self.connection(), table)

    def drop(self, table: WideTable) -> None:
        """Drop the table."""
        with self._errors():
            self.connection().execute(f"DROP TABLE IF EXISTS {_quote(table.name)}")

    def upsert(self, table: WideTable, rows: pa.Table) -> None:
        """Write the rows in one transaction; older ones than those there are ignored."""
        names = [*table.keys, EVENT, CREATED, *table.features]
        updates = ", ".join(f"{column} = excluded.{column}" for column in _quoted([EVENT, CREATED, *table.features]))
        statement = (
            f"INSERT INTO {_quote(table.name)} ({', '.join(_quoted(names))}) VALUES ({', '.join('?' * len(names))}) "
            f"ON CONFLICT ({', '.join(_quoted(table.keys))}) DO UPDATE SET {updates} "
            f"WHERE (excluded.{EVENT}, excluded.{CREATED}) >= "
            f"({_quote(table.name)}.{EVENT}, {_quote(table.name)}.{CREATED})"
        )
        cells = zip(*(rows[name].to_pylist() for name in names), strict=True)
        connection = self.connection()
        with self._errors(), _transaction(connection):
            _create(connection, table)
            connection.executemany(statement, cells)

    def remove(self, table: WideTable, keys: Sequence[Key]) -> None:
        """Remove the rows in one transaction; what they held leaves the file and its log too."""
        connection = self.connection()
        wanted = " AND ".join(f"{key} IS ?" for key in _quoted(table.keys))
        with self._errors():
            if not _columns(connection, table.name).issuperset(table.keys):
                return
            connection.execute("PRAGMA secure_delete=ON")
            with _transaction(connection):
                connection.executemany(f"DELETE FROM {_quote(table.name)} WHERE {wanted}", keys)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def read(self, reads: Sequence[WideRead], keys: Sequence[Key], *, moment: datetime) -> pl.DataFrame:
        """Return one row per key, in their order, in one query."""
        asked = json.dumps([_asked(key) for key in keys])
        limits = [_BEFORE_ALL if (oldest := read.table.alive_from(moment)) is None else oldest for read in reads]
        with self._errors():
            rows = self.connection().execute(self._statement(reads), [*limits, asked]).fetchall()
        schema = answer_schema(reads)
        columns = zip(*rows, strict=True) if rows else [()] * len(schema)
        return pl.DataFrame([_series(*column, cells) for column, cells in zip(schema.items(), columns, strict=True)])

    def ping(self) -> str:
        """Return the file's path."""
        with self._errors():
            self.connection().execute("SELECT 1")
        return self.path

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._opening:
            for one in list(self._opened):
                one.database.close()
            self._local = threading.local()

    def _statement(self, reads: Sequence[WideRead]) -> str:
        """Return the query; it is written anew when a table has changed."""
        mine = self._mine()
        ((version,),) = mine.database.execute("PRAGMA schema_version").fetchall()
        identity = tuple((read.table.name, read.table.keys, tuple(read.features.items())) for read in reads)
        if (known := mine.statements.get(identity)) is None or known[0] != version:
            known = mine.statements[identity] = (version, _query(mine.database, reads))
        return known[1]

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise EngineError(f"online store {self.path}: {error}") from error


class _Connection:
    """One thread's connection with the queries it has run; closed when the thread or the store is gone."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database
        self.statements: dict[object, tuple[int, str]] = {}

    def __del__(self) -> None:
        self.database.close()


def connect(path: str) -> sqlite3.Connection:
    """Open the file so that readers never wait for a writer."""
    connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    return connection


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _create(connection: sqlite3.Connection, table: WideTable) -> None:
    have = _columns(connection, table.name)
    if have and not have.issuperset(table.keys):
        connection.execute(f"DROP TABLE IF EXISTS {_quote(table.name)}")
        have = set()
    if not have:
        keys = ", ".join(_quoted(table.keys))
        columns = ", ".join([*_quoted(table.keys), f"{EVENT} INTEGER NOT NULL", f"{CREATED} INTEGER NOT NULL"])
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {_quote(table.name)} ({columns}, PRIMARY KEY ({keys})) WITHOUT ROWID"
        )
    for feature in table.features:
        if feature not in have:
            connection.execute(f"ALTER TABLE {_quote(table.name)} ADD COLUMN {_quote(feature)}")


def _columns(connection: sqlite3.Connection, name: str) -> set[str]:
    return {row[1] for row in connection.execute(f"PRAGMA table_info({_quote(name)})")}


def _query(connection: sqlite3.Connection, reads: Sequence[WideRead]) -> str:
    """Return the query: its parameters are each view's oldest event that is alive, then the keys as JSON."""
    features, joins, events = [], [], []
    for i, read in enumerate(reads):
        have, view = _columns(connection, read.table.name), f"v{i}"
        limit = f"?{i + 1}"
        if not have.issuperset(read.table.keys) or not have:
            features += ["NULL" for _ in read.features]
            continue
        features += [f"{view}.{_quote(name)}" if name in have else "NULL" for name in read.features.values()]
        events.append(f"{view}.{EVENT}")
        asked = ["value"] if len(read.table.keys) == 1 else [f"'$[{k}]'" for k in range(len(read.table.keys))]
        matches = [
            f"{view}.{_quote(key)} = " + ("asked.value" if place == "value" else f"json_extract(asked.value, {place})")
            for key, place in zip(read.table.keys, asked, strict=True)
        ]
        joins.append(
            f"LEFT JOIN {_quote(read.table.name)} AS {view} ON {' AND '.join(matches)} AND {view}.{EVENT} >= {limit}"
        )
    newest = events[0] if len(events) == 1 else "NULL"
    if len(events) > 1:
        newest = f"nullif(max({', '.join(f'coalesce({event}, {_BEFORE_ALL})' for event in events)}), {_BEFORE_ALL})"
    return (
        f"SELECT {', '.join([newest, *features])} FROM json_each(?{len(reads) + 1}) AS asked {' '.join(joins)} "
        "ORDER BY asked.key"
    )


def _series(name: str, kind: Any, cells: Sequence[Any]) -> pl.Series:
    if kind is pl.Boolean:  # SQLite has none
        return pl.Series(name, cells, dtype=pl.Int64).cast(pl.Boolean)
    return pl.Series(name, cells, dtype=kind, strict=False)


def _asked(key: Key) -> object:
    """Return a key as JSON holds it; SQLite's JSON would end a text at a NUL, and so find another entity."""
    cells = [None if isinstance(cell, str) and "\0" in cell else cell for cell in key]
    return cells[0] if len(cells) == 1 else cells


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _quoted(names: Iterable[str]) -> list[str]:
    return [_quote(name) for name in names]
