"""The warehouse on ClickHouse: transactions by commit marker, deletes by tombstone, reads at any commit."""

import random
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeVar

import ibis.expr.datatypes as dt
import ibis.expr.schema as sch
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
from ibis.common.exceptions import TableNotFound

from trenddrop.core.errors import ConflictError, EngineError, NotFoundError, SchemaError
from trenddrop.core.settings import ClickHouseSettings
from trenddrop.core.time import Clock, utc_now
from trenddrop.schemas import TableSchema
from trenddrop.warehouse.clickhouse import storage, upkeep
from trenddrop.warehouse.clickhouse.backend import ClickHouseBackend
from trenddrop.warehouse.clickhouse.commit_log import CommitLog, Marker
from trenddrop.warehouse.clickhouse.connection import connect, quoted, translated
from trenddrop.warehouse.clickhouse.types import column_type
from trenddrop.warehouse.migrations import migrate
from trenddrop.warehouse.rows import as_arrow, column_names, require_fit, schema_of
from trenddrop.warehouse.warehouse import Rows

Result = TypeVar("Result")

ATTEMPTS = 12  # of a transaction that other writers overtake
APPEND_STRIDE = 1 << 40  # row numbers that one append of a transaction may use


@dataclass(slots=True)
class Transaction:
    """One attempt: what it may see, what it wrote, what it excludes."""

    commit_id: str
    base: int
    begun: datetime
    claims: list[str] = field(default_factory=list)
    deleted_from: set[str] = field(default_factory=set)
    appends: int = 0

    @property
    def wrote(self) -> bool:
        """Return whether there is anything to commit."""
        return bool(self.appends or self.deleted_from)


class OvertakenError(ConflictError):
    """Another transaction finished first; the body runs again."""


class ClickHouseWarehouse:
    """A database of ClickHouse.

    ``transact`` is optimistic: the body runs at a snapshot, and at its end it is run again when a transaction that
    finished meanwhile held the same claim or deleted the same rows. See ``commit_log`` for what makes that exact and
    ``storage`` for what readers see. A single query outside of a transaction sees one commit in all of its tables.
    Inside a transaction ``table`` reads at its beginning, ``delete`` looks at what is newest.
    DDL is not part of a transaction: it takes effect at once and is idempotent.
    ``path`` is where chdb keeps its data (default: in memory).
    """

    engine: Literal["clickhouse"] = "clickhouse"

    def __init__(self, settings: ClickHouseSettings, *, path: Path | None = None, clock: Clock = utc_now) -> None:
        self._client = connect(settings, path=path)
        self._where = f"ClickHouse database {settings.database}"
        self._clock = clock
        self._mutex = threading.RLock()
        self._thread = threading.local()  # another thread must not read what this one has not committed
        self._staged: set[str] = set()
        self._log = CommitLog(self._client)
        self._layouts: dict[str, TableSchema] = {}
        self.backend = ClickHouseBackend.of(self._client, takes_external_data=settings.interface != "chdb")
        for statement in storage.BOOKKEEPING:
            self._command(statement)

    # --- tables -----------------------------------------------------------------------------------

    def migrate(self, *, to: int | None = None) -> list[int]:
        """Bring the schema to version ``to`` (default: the newest) and return the versions that ran."""
        return migrate(self, to=to, clock=self._clock)

    def has_table(self, name: str) -> bool:
        """Return whether the table exists."""
        return bool(self._value(f"EXISTS VIEW `{name}`"))

    def ensure_table(self, schema: TableSchema) -> None:
        """Create the table unless it exists."""
        self._layouts[schema.name] = schema
        if not self.has_table(schema.name):
            self.create_table(schema.name, schema.columns)

    def create_table(self, name: str, columns: dict[str, str]) -> None:
        """Create a table from Ibis dtypes (``!`` is never null) unless it exists."""
        self._command(storage.create_rows_sql(name, columns, self._layout(name)))
        self._show(name)

    def drop_table(self, name: str) -> None:
        """Drop a table, if it exists."""
        self._command(f"DROP VIEW IF EXISTS `{name}`")
        self._command(f"DROP TABLE IF EXISTS `{storage.rows_table(name)}`")

    def add_column(self, name: str, column: str, dtype: str) -> None:
        """Add a nullable last column (arrays: empty), unless it exists."""
        kind = column_type(dtype, staged=True)
        self._command(f"ALTER TABLE `{storage.rows_table(name)}` ADD COLUMN IF NOT EXISTS `{column}` {kind}")
        self._show(name)

    def drop_column(self, name: str, column: str) -> None:
        """Drop a column, if it exists; readers stop seeing it before it goes."""
        kept = [known for known in self._schema(name).names if known != column]
        self._command(storage.create_view_sql(name, kept))
        self._command(f"ALTER TABLE `{storage.rows_table(name)}` DROP COLUMN IF EXISTS `{column}`")

    def table(self, name: str, *, snapshot: str | None = None) -> ir.Table:
        """Return the committed rows, now or as of a snapshot; inside a transaction also its own."""
        if snapshot is None and self._open is None:
            try:
                return self.backend.table(name)
            except TableNotFound as error:
                raise self._missing(name) from error
        schema = self._schema(name)
        upto, mine = self._open.base if self._open else 0, self._open.commit_id if self._open else None
        if snapshot is not None:
            upto, mine = self._readable(snapshot), None
        return self.backend.sql(storage.visible_sql(name, schema.names, upto=str(upto), mine=mine), schema=schema)

    def stage(self, rows: Rows) -> ir.Table:
        """Hold rows in a scratch table; ``release`` and ``close`` drop it, ``compact`` what a killed process left."""
        name = f"{storage.STAGE_PREFIX}{self._unique()}"
        data = rows if isinstance(rows, ir.Table) else as_arrow(rows)
        schema = data.schema() if isinstance(data, ir.Table) else sch.Schema.from_pyarrow(data.schema)
        body = ", ".join(f"`{column}` {column_type(dtype, staged=True)}" for column, dtype in schema.items())
        with self._mutex:
            self._command(f"CREATE TABLE `{name}` ({body}) ENGINE = MergeTree ORDER BY ()")
            self._staged.add(name)
            self._insert(name, data, schema, hidden=None)
        return self.backend.table(name)

    def release(self) -> None:
        """Drop every staged table."""
        with self._mutex:
            self.backend.drop_memtables()
            while self._staged:
                self._command(f"DROP TABLE IF EXISTS `{self._staged.pop()}`")

    # --- writes -----------------------------------------------------------------------------------

    def append(self, name: str, rows: Rows) -> int:
        """Append rows, columns matched by name, missing nullable ones null, and return how many."""
        schema = self._schema(name)
        require_fit(name, column_names(rows), schema)
        return self.transact(lambda: self._append(name, rows, schema))

    def append_batch(self, name: str, rows: Rows, *, batch_id: str) -> int:
        """Append rows unless the table holds rows of this batch; return how many were appended."""
        if "batch_id" not in self._schema(name).names:
            raise SchemaError(f"{name}: has no column batch_id, so a batch cannot be told from another; use append")

        def body() -> int:
            held = f"({self._visible_now(name, ['batch_id'])} AND batch_id = {quoted(batch_id)} LIMIT 1)"
            return 0 if int(self._value(f"SELECT count() FROM {held}")) else self.append(name, rows)

        return self.transact(body, claim=f"append:{name}:{batch_id}")

    def delete(self, name: str, keys: Rows) -> int:
        """Delete the rows that equal a row of ``keys`` in all of its columns (null equals null)."""
        schema = self._schema(name)
        columns = column_names(keys)
        if not columns or (unknown := sorted(set(columns) - set(schema.names))):
            raise SchemaError(f"{name}: unknown key columns {unknown if columns else columns}; got {columns}")
        return self.transact(lambda: self._delete(name, keys, columns, schema))

    def transact(self, body: Callable[[], Result], *, claim: str | None = None) -> Result:
        """Run ``body`` all or nothing, again when another writer was faster."""
        with self._mutex:
            if self._open is not None:  # part of the transaction that is open
                self._open.claims += [claim] if claim else []
                return body()
            for attempt in range(ATTEMPTS):
                try:
                    return self._attempt(body, claim)
                except OvertakenError:
                    time.sleep(min(5.0, 0.02 * 2**attempt) * random.uniform(0.5, 1.0))  # noqa: S311, NPY002 - back-off
        raise ConflictError(f"{self._where}: {ATTEMPTS} attempts lost against other writers; run it again")

    def _attempt(self, body: Callable[[], Result], claim: str | None) -> Result:
        begun = self._clock()
        with translated(self._where):
            transaction = Transaction(self._unique(), self._log.head(), begun, [claim] if claim else [])
        self._thread.transaction = transaction
        try:
            result = body()
        finally:
            self._thread.transaction = None
        if transaction.wrote:
            self._commit(transaction)
        return result

    def _commit(self, transaction: Transaction) -> None:
        now = self._clock()
        if now - transaction.begun > upkeep.ORPHAN_AGE / 2:
            raise EngineError(
                f"{self._where}: a transaction took {now - transaction.begun}, after {upkeep.ORPHAN_AGE} its rows "
                "would count as left behind; write fewer rows at a time"
            )
        marker = Marker(transaction.commit_id, tuple(transaction.claims), now)
        with translated(self._where):
            self._log.publish(marker, base=transaction.base, check=lambda a, b: self._check(transaction, a, b))

    def _check(self, transaction: Transaction, after: int, upto: int) -> None:
        """Raise OvertakenError when a transaction in (after, upto] held a claim of ours or deleted a row of ours."""
        if self._log.claimed(tuple(transaction.claims), after=after, upto=upto):
            raise OvertakenError(f"{self._where}: {transaction.claims} was claimed")
        for name in transaction.deleted_from:
            ours = f"FROM {storage.DELETED} WHERE table_name = {quoted(name)} AND commit_id"
            theirs = f"(SELECT commit_id FROM {storage.COMMITS} WHERE seq > {after} AND seq <= {upto})"
            query = (
                f"SELECT count() {ours} = {quoted(transaction.commit_id)} "
                f"AND (row_commit_id, row) IN (SELECT row_commit_id, row {ours} IN {theirs})"
            )
            if int(self._value(query)):
                raise OvertakenError(f"{self._where}: rows of {name} were deleted")

    def _append(self, name: str, rows: Rows, schema: sch.Schema) -> int:
        assert self._open is not None  # noqa: S101 - transact called us
        transaction, first = self._open, self._open.appends * APPEND_STRIDE
        transaction.appends += 1
        data = rows if isinstance(rows, ir.Table) else as_arrow(rows, name=name, schema=schema)
        table = storage.rows_table(name)
        self._insert(table, data, schema, hidden=(transaction.commit_id, first))
        if isinstance(data, pa.Table):
            return int(data.num_rows)
        mine = f"_commit_id = {quoted(transaction.commit_id)} AND _row >= {first}"
        return int(self._value(f"SELECT count() FROM `{table}` WHERE {mine}"))

    def _insert(
        self, table: str, data: ir.Table | pa.Table, schema: sch.Schema, *, hidden: tuple[str, int] | None
    ) -> None:
        """Insert the rows' columns, of types that fit the schema; ``hidden`` is their transaction and first number."""
        columns = column_names(data)
        if isinstance(data, pa.Table):
            if hidden is not None:
                commit_id, first = hidden
                data = data.append_column("_commit_id", pa.repeat(pa.scalar(commit_id), data.num_rows))
                data = data.append_column("_row", pa.array(np.arange(first, first + data.num_rows, dtype=np.uint64)))
            if data.num_rows:
                with translated(f"{self._where}: {table}"):
                    self._client.insert_arrow(table, data)
            return
        names = [f"`{column}`" for column in columns]
        values = [_exactly(column, data.schema()[column], schema[column]) for column in columns]
        if hidden is not None:
            names += storage.HIDDEN
            values += [quoted(hidden[0]), f"rowNumberInAllBlocks() + {hidden[1]}"]
        source, external = self._compiled(data)
        with translated(f"{self._where}: {table}"):
            self._client.command(
                f"INSERT INTO `{table}` ({', '.join(names)}) SELECT {', '.join(values)} FROM ({source})",
                external_data=external,
            )

    def _delete(self, name: str, keys: Rows, columns: list[str], schema: sch.Schema) -> int:
        assert self._open is not None  # noqa: S101 - transact called us
        mine = quoted(self._open.commit_id)
        table = keys if isinstance(keys, ir.Table) else self.stage(as_arrow(keys, name=name, schema=schema))
        source, external = self._compiled(table)
        left = ", ".join(f"`{column}`" for column in columns)
        right = ", ".join(f"CAST(`{column}`, {quoted(column_type(schema[column], staged=True))})" for column in columns)
        visible = self._visible_now(name, [*storage.HIDDEN, *columns])
        counted = f"SELECT count() FROM {storage.DELETED} WHERE table_name = {quoted(name)} AND commit_id = {mine}"
        before = int(self._value(counted))
        with translated(f"{self._where}: {name}"):
            self._client.command(
                f"INSERT INTO {storage.DELETED} SELECT {quoted(name)}, {mine}, _commit_id, _row FROM ({visible}) "
                f"WHERE ({left}) IN (SELECT {right} FROM ({source})) SETTINGS transform_null_in = 1",
                external_data=external,
            )
        self._open.deleted_from.add(name)
        return int(self._value(counted)) - before

    # --- upkeep -----------------------------------------------------------------------------------

    def snapshot_id(self) -> str:
        """Return the number of the newest commit."""
        with translated(self._where):
            return str(self._log.head())

    def compact(self, *, keep_history: bool = True) -> None:
        """Merge parts, apply old deletes to the rows and remove what a killed process left behind.

        Without history only the newest snapshot stays readable, and deleted rows leave the disk now.
        """
        with translated(self._where):
            upkeep.compact(self._client, self._log, now=self._clock(), keep_history=keep_history)

    def expire(self, *, now: datetime) -> dict[str, int]:
        """Delete rows older than each table's retention, from every snapshot; return visible rows deleted."""
        with translated(self._where):
            return upkeep.expire(self._client, {name: self._layout(name) for name in self._names()}, now=now)

    def close(self) -> None:
        """Drop the staged tables and release the connection."""
        self.release()
        self._client.close()

    @property
    def _open(self) -> Transaction | None:
        """Return the transaction that this thread has open."""
        return getattr(self._thread, "transaction", None)

    # --- what there is ----------------------------------------------------------------------------

    def _names(self) -> list[str]:
        with translated(self._where):
            return upkeep.table_names(self._client)

    def _layout(self, name: str) -> TableSchema | None:
        return self._layouts.get(name) or schema_of(name)

    def _schema(self, name: str) -> sch.Schema:
        try:
            return self.backend.get_schema(name)
        except TableNotFound as error:
            raise self._missing(name) from error

    def _show(self, name: str) -> None:
        """Create the view of a table anew, with all of the columns that the rows have."""
        columns = self.backend.get_schema(storage.rows_table(name)).names
        self._command(storage.create_view_sql(name, [column for column in columns if column not in storage.HIDDEN]))

    def _missing(self, name: str) -> NotFoundError:
        return NotFoundError(f"{name}: no such table in {self._where}; run a stage that writes it first")

    def _readable(self, snapshot: str) -> int:
        seq = int(snapshot) if snapshot.isdecimal() else -1
        head, horizon = self._log.head(), int(self._value(f"SELECT ifNull(max(seq), 0) FROM {storage.HORIZON}"))
        if not horizon <= seq <= head:
            raise NotFoundError(f"{self._where}: no snapshot {snapshot!r}; readable are {horizon} to {head}")
        return seq

    def _visible_now(self, name: str, columns: Iterable[str]) -> str:
        """Return the query of what writes look at: the newest commit, so that a delete misses no row of others."""
        mine = self._open.commit_id if self._open else None
        return storage.visible_sql(name, columns, upto=str(self._log.head()), mine=mine)

    def _compiled(self, expr: ir.Table) -> tuple[str, object]:
        """Return an expression's SQL and what must travel beside it."""
        sql = self.backend.compile(expr)
        with translated(self._where):
            return sql, self.backend.external_data(expr)

    def _unique(self) -> str:
        """Return a name that sorts by the time it was given, so that old ones can be told."""
        return f"{int(self._clock().timestamp() * 1000):013d}_{uuid.uuid4().hex[:16]}"

    def _command(self, statement: str) -> None:
        with translated(self._where):
            self._client.command(statement)

    def _value(self, query: str) -> int:
        with translated(self._where):
            return self._client.query(query).result_rows[0][0]


def _exactly(column: str, source: dt.DataType, target: dt.DataType) -> str:
    """Return a column in the target's type; ClickHouse's INSERT would wrap numbers and null a text that is none."""
    if source.is_string() and not target.is_string():
        raise SchemaError(f"{column}: is text, the table has {target}; cast it in the expression")
    wraps = source.is_integer() and target.is_integer() and source.copy(nullable=True) != target.copy(nullable=True)
    if wraps or (source.is_floating() and target.is_integer()):
        return f"accurateCast(`{column}`, {quoted(column_type(target, staged=True))})"
    return f"`{column}`"
