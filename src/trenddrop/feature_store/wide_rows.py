"""One wide row per entity in SQLite: the newest values of a feature view, read for many entities at once.

A table per view. Its primary key are the join keys; ``__event`` and ``__created`` are microseconds since the epoch.
A row is replaced only by one with a later event, or the same event and no earlier creation, so that rows may be
written in any order. SQLite has no NaN: it reads back as null, as everything missing does.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from trenddrop.core.time import as_utc

EVENT, CREATED = "__event", "__created"
MICROSECOND = timedelta(microseconds=1)
BATCH_KEYS = 500

Cell = None | int | float | str | bytes
Row = tuple[Cell, ...]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class WideTable:
    """The table of one feature view; ``alive_from`` and reads count in microseconds since the epoch."""

    name: str
    keys: tuple[str, ...]
    features: tuple[str, ...]
    ttl: timedelta | None = None

    def alive_from(self, moment: datetime) -> int | None:
        """Return the oldest event that is still alive at the moment; None where values never expire."""
        return None if self.ttl is None else microseconds(moment) - self.ttl // MICROSECOND


def microseconds(moment: datetime) -> int:
    """Return the microseconds since the epoch; a naive moment is taken as UTC."""
    return (as_utc(moment) - _EPOCH) // MICROSECOND


def moment_of(value: int) -> datetime:
    """Return the moment of so many microseconds since the epoch."""
    return _EPOCH + value * MICROSECOND


def connect(path: str) -> sqlite3.Connection:
    """Open the file so that readers never wait for a writer."""
    connection = sqlite3.connect(path, timeout=30, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    return connection


def create_table(connection: sqlite3.Connection, table: WideTable) -> None:
    """Create the table, or add the columns of features that are new; other keys start it afresh."""
    have = columns_of(connection, table.name)
    if have and not have.issuperset(table.keys):
        drop_table(connection, table.name)
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


def drop_table(connection: sqlite3.Connection, name: str) -> None:
    """Drop a view's table."""
    connection.execute(f"DROP TABLE IF EXISTS {_quote(name)}")


def columns_of(connection: sqlite3.Connection, name: str) -> set[str]:
    """Return the table's columns; none when there is no such table."""
    return {row[1] for row in connection.execute(f"PRAGMA table_info({_quote(name)})")}


def upsert(connection: sqlite3.Connection, table: WideTable, rows: Iterable[Row]) -> None:
    """Write rows of (keys, event, created, features) in one transaction; older ones than those there are ignored."""
    names = [*table.keys, EVENT, CREATED, *table.features]
    updates = ", ".join(f"{column} = excluded.{column}" for column in _quoted([EVENT, CREATED, *table.features]))
    statement = (
        f"INSERT INTO {_quote(table.name)} ({', '.join(_quoted(names))}) VALUES ({', '.join('?' * len(names))}) "
        f"ON CONFLICT ({', '.join(_quoted(table.keys))}) DO UPDATE SET {updates} "
        f"WHERE (excluded.{EVENT}, excluded.{CREATED}) >= "
        f"({_quote(table.name)}.{EVENT}, {_quote(table.name)}.{CREATED})"
    )
    connection.execute("BEGIN IMMEDIATE")
    try:
        create_table(connection, table)
        connection.executemany(statement, rows)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def read(
    connection: sqlite3.Connection, table: WideTable, keys: Sequence[Row], features: Sequence[str], *, moment: datetime
) -> dict[Row, Row]:
    """Return (event, features) of the entities whose values are alive at the moment, by key."""
    have = columns_of(connection, table.name)
    if not have:
        return {}
    columns = ", ".join([*_quoted(table.keys), EVENT, *(_column(name, have) for name in features)])
    place = f"({', '.join('?' * len(table.keys))})"
    alive_from = table.alive_from(moment)
    found: dict[Row, Row] = {}
    for start in range(0, len(keys), BATCH_KEYS):
        batch = keys[start : start + BATCH_KEYS]
        query = (
            f"SELECT {columns} FROM {_quote(table.name)} "
            f"WHERE ({', '.join(_quoted(table.keys))}) IN (VALUES {', '.join([place] * len(batch))})"
            + ("" if alive_from is None else f" AND {EVENT} >= {alive_from}")
        )
        for row in connection.execute(query, [cell for key in batch for cell in key]):
            found[row[: len(table.keys)]] = row[len(table.keys) :]
    return found


def read_joined(
    connection: sqlite3.Connection,
    reads: Sequence[tuple[WideTable, Mapping[str, str]]],
    values: Sequence[str | int],
    *,
    moment: datetime,
) -> list[Row]:
    """Return one row per value of the views' single key, in their order, in one query.

    ``reads`` pairs each view with its features under output names. A view's values that are too old are null.
    """
    columns, joins = ["asked.value"], []
    for i, (table, features) in enumerate(reads):
        have = columns_of(connection, table.name)
        if not have:
            columns += [f"NULL AS {_quote(name)}" for name in features]
            continue
        columns += [f"{_column(column, have, f'v{i}.')} AS {_quote(name)}" for name, column in features.items()]
        alive_from = table.alive_from(moment)
        alive = "" if alive_from is None else f" AND v{i}.{EVENT} >= {alive_from}"
        joins.append(f"LEFT JOIN {_quote(table.name)} AS v{i} ON v{i}.{_quote(table.keys[0])} = asked.value{alive}")
    query = f"SELECT {', '.join(columns)} FROM json_each(?) AS asked {' '.join(joins)} ORDER BY asked.key"
    return connection.execute(query, [json.dumps(list(values))]).fetchall()


def _column(name: str, have: set[str], prefix: str = "") -> str:
    return prefix + _quote(name) if name in have else "NULL"


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _quoted(names: Iterable[str]) -> list[str]:
    return [_quote(name) for name in names]
