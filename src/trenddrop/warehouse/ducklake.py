"""The embedded engine: DuckLake, that is DuckDB with a SQLite catalogue and Parquet files under one folder."""

import fcntl
import importlib.util
import itertools
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar

import duckdb
import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import polars as pl
from ibis.backends.sql.datatypes import DuckDBType
from ibis.common.exceptions import TableNotFound

from trenddrop.core.errors import ConflictError, EngineError, NotFoundError, SchemaError
from trenddrop.core.scratch import Scratch
from trenddrop.core.settings import Settings
from trenddrop.schemas import TableSchema
from trenddrop.warehouse.nesting import NestingDuckDBCompiler
from trenddrop.warehouse.rows import column_names, require_fit, schema_of
from trenddrop.warehouse.warehouse import Rows

Result = TypeVar("Result")

INLINED_ROWS = 500  # commits of up to this many rows go into the catalogue instead of a Parquet file
ATTEMPTS = 12  # of a transaction that other writers overtake: about a minute of back-off in all
SNAPSHOT_DAYS = 30  # how long compact() keeps old snapshots readable
_WRONG_ROWS = (duckdb.ConstraintException, duckdb.ConversionException, duckdb.OutOfRangeException)
_CONFLICTS = ("conflict", "database is locked", "database table is locked", "busy", "write-write")


class DuckLakeWarehouse:
    """A DuckLake under ``settings.home``, or with the catalogue and data path that the settings name."""

    engine: Literal["ducklake"] = "ducklake"

    def __init__(self, settings: Settings) -> None:
        self._home = settings.home.resolve()
        self._home.mkdir(parents=True, exist_ok=True)
        self._is_local = settings.catalog is None
        self._catalog_file = self._home / "catalog.sqlite"
        self._catalog = settings.catalog or f"sqlite:{self._catalog_file}"
        self._data_path = settings.data_path or str(self._home / "lake")
        self._names = itertools.count()
        self._mutex = threading.RLock()
        self._depth = 0
        self._staged: list[str] = []
        self._after_commit: list[str] = []
        self._claims: dict[str, bool] = {}  # whether the claim's row was there before a transaction began
        self._scratch = Scratch(self._home / "tmp")  # processes that spill into one folder overwrite each other's files
        # The extensions come from pinned packages. To check their signatures as well takes half a second each time.
        self.backend = ibis.duckdb.connect(allow_unsigned_extensions=True)
        self.backend.compiler = NestingDuckDBCompiler()
        self._con: duckdb.DuckDBPyConnection = self.backend.con
        self._configure(settings)
        with self._writers_queue():
            self._attach()

    # --- tables -----------------------------------------------------------------------------------

    def migrate(self, *, to: int | None = None) -> list[int]:
        """Bring the schema to version ``to`` (default: the newest) and return the versions that ran."""
        from trenddrop.warehouse.migrations import migrate  # noqa: PLC0415 - migrations import this module's Protocol

        return migrate(self, to=to)

    def has_table(self, name: str) -> bool:
        """Return whether the table exists."""
        try:  # twenty times faster than duckdb_tables(), which counts the rows of every table
            self._con.execute(f'DESCRIBE lake.main."{name}"')
        except duckdb.CatalogException:
            return False
        return True

    def ensure_table(self, schema: TableSchema) -> None:
        """Create the table unless it exists."""
        if not self.has_table(schema.name):
            self.transact(lambda: self.create_table(schema.name, schema.columns))

    def create_table(self, name: str, columns: dict[str, str]) -> None:
        """Create a table from Ibis dtypes; ``!`` marks a column that is never null."""
        body = ", ".join(f'"{column}" {_sql_type(dtype)}' for column, dtype in columns.items())
        self._execute(f'CREATE TABLE IF NOT EXISTS lake.main."{name}" ({body})')
        if any(dt.dtype(dtype).is_nested() for dtype in columns.values()):
            # DuckLake 1.0 writes inlined arrays as text and fails on a NUL character within; an option of a table
            # can be set only when the transaction that creates the table is over
            option = f"CALL lake.set_option('data_inlining_row_limit', 0, table_name => '{name}')"
            self._after_commit.append(option)
            self._settle()

    def drop_table(self, name: str) -> None:
        """Drop a table."""
        self._execute(f'DROP TABLE IF EXISTS lake.main."{name}"')

    def add_column(self, name: str, column: str, dtype: str) -> None:
        """Add a nullable column; the rows there are hold null."""
        kind = _sql_type(dtype.lstrip("!"))
        self._execute(f'ALTER TABLE lake.main."{name}" ADD COLUMN IF NOT EXISTS "{column}" {kind}')

    def drop_column(self, name: str, column: str) -> None:
        """Drop a column."""
        self._execute(f'ALTER TABLE lake.main."{name}" DROP COLUMN IF EXISTS "{column}"')

    def table(self, name: str, *, snapshot: str | None = None) -> ir.Table:
        """Return the committed rows, now or as of a snapshot."""
        try:
            if snapshot is None:
                return self.backend.table(name, database=("lake", "main"))
            return self.backend.sql(f'SELECT * FROM lake.main."{name}" AT (VERSION => {int(snapshot)})')
        except (ValueError, duckdb.Error, TableNotFound) as error:
            if not self.has_table(name):
                message = f"{name}: no such table in {self._catalog}; run a stage that writes it first"
            else:
                message = f"{name}: cannot be read at snapshot {snapshot!r}; the newest is {self.snapshot_id()}"
            raise NotFoundError(message) from error

    def stage(self, rows: Rows) -> ir.Table:
        """Hold rows in a temporary table."""
        name = f"stage_{next(self._names)}"
        with self._mutex, self._as_query(rows) as query:
            self._execute(f'CREATE TEMP TABLE "{name}" AS {_declared(rows, query)}')
            self._staged.append(name)
        return self.backend.table(name, database=("temp", "main"))

    def release(self) -> None:
        """Drop every staged table."""
        with self._mutex:
            while self._staged:
                self._execute(f'DROP TABLE IF EXISTS temp.main."{self._staged.pop()}"')

    # --- writes -----------------------------------------------------------------------------------

    def append(self, name: str, rows: Rows) -> int:
        """Append rows, columns matched by name, missing nullable ones null."""
        target = self.table(name).schema()
        got = column_names(rows)
        require_fit(name, got, target)
        columns = [column for column in target.names if column in got]
        names = ", ".join(f'"{column}"' for column in columns)
        with self._mutex, self._as_query(rows) as query:
            return self.transact(
                lambda: _count(self._execute(f'INSERT INTO lake.main."{name}" ({names}) SELECT {names} FROM ({query})'))
            )

    def append_batch(self, name: str, rows: Rows, *, batch_id: str) -> int:
        """Append rows unless the table holds rows of this batch; return how many were appended."""
        if "batch_id" not in self.table(name).columns:
            raise SchemaError(f"{name}: has no column batch_id, so a batch cannot be told from another; use append")

        def body() -> int:
            query = f'SELECT 1 FROM lake.main."{name}" WHERE batch_id = ? LIMIT 1'
            return 0 if self._execute(query, [batch_id]).fetchall() else self.append(name, rows)

        return self.transact(body, claim=f"append:{name}")

    def delete(self, name: str, keys: Rows) -> int:
        """Delete the rows that equal a row of ``keys`` in all of its columns."""
        columns = column_names(keys)
        if not columns or (unknown := sorted(set(columns) - set(self.table(name).columns))):
            raise SchemaError(f"{name}: unknown key columns {unknown if columns else columns}; got {columns}")
        names = ", ".join(f'"{column}"' for column in columns)
        matches = " AND ".join(f't."{column}" IS NOT DISTINCT FROM k."{column}"' for column in columns)
        with self._mutex, self._as_query(keys) as query:
            return self.transact(
                lambda: _count(
                    self._execute(
                        f'DELETE FROM lake.main."{name}" AS t USING (SELECT DISTINCT {names} FROM ({query})) AS k '
                        f"WHERE {matches}"
                    )
                )
            )

    def transact(self, body: Callable[[], Result], *, claim: str | None = None) -> Result:
        """Run ``body`` all or nothing, again when another writer was faster."""
        with self._mutex:
            if self._depth:  # part of the transaction that is open
                self._hold(claim)
                return body()
            for attempt in range(ATTEMPTS):
                try:
                    with self._writers_queue():
                        return self._attempt(body, claim)
                except _WRONG_ROWS as error:
                    raise SchemaError(f"DuckLake: rows do not fit their columns: {_line(error)}") from error
                except duckdb.Error as error:
                    if not any(word in str(error).lower() for word in _CONFLICTS):
                        raise EngineError(f"DuckLake: {_line(error)}") from error
                    time.sleep(min(10.0, 0.05 * 2**attempt) * random.uniform(0.5, 1.0))  # noqa: S311, NPY002 - back-off
        raise ConflictError(
            f"DuckLake: {ATTEMPTS} attempts lost against other writers; run it again when they are done"
        )

    def _attempt(self, body: Callable[[], Result], claim: str | None) -> Result:
        if claim is not None:
            self._claims.setdefault(claim, False)
        self._ensure_claims()
        self._con.execute("BEGIN TRANSACTION")
        self._depth = 1
        try:
            self._hold(claim)
            result = body()
            self._con.execute("COMMIT")
        except BaseException:
            self._after_commit.clear()
            with suppress(duckdb.Error):
                self._con.execute("ROLLBACK")
            raise
        finally:
            self._depth = 0
        self._settle()
        return result

    def _hold(self, claim: str | None) -> None:
        """Change the claim's row, so that a transaction that changes it too cannot commit."""
        if claim is None:
            return
        if not self._claims.get(claim):
            self._claims[claim] = False
            raise duckdb.TransactionException(f"conflict: begin again, with a row for the claim {claim}")
        self._con.execute("UPDATE lake.main._claims SET revision = revision + 1 WHERE name = ?", [claim])

    def _settle(self) -> None:
        """Run what had to wait for the end of a transaction."""
        while self._after_commit and not self._depth:
            self._execute(self._after_commit.pop())

    def _ensure_claims(self) -> None:
        for claim in [claim for claim, has_row in self._claims.items() if not has_row]:
            self._con.execute("CREATE TABLE IF NOT EXISTS lake.main._claims (name VARCHAR, revision BIGINT)")
            if not self._con.execute("SELECT 1 FROM lake.main._claims WHERE name = ?", [claim]).fetchall():
                self._con.execute("INSERT INTO lake.main._claims VALUES (?, 0)", [claim])
            self._claims[claim] = True

    # --- upkeep -----------------------------------------------------------------------------------

    def snapshot_id(self) -> str:
        """Return the id of the newest snapshot."""
        row = self._execute("SELECT max(snapshot_id) FROM ducklake_snapshots('lake')").fetchone()
        return str(row[0]) if row else "0"

    def compact(self, *, keep_history: bool = True) -> None:
        """Merge small files, drop old snapshots and delete what a killed process left behind.

        Without history only the newest snapshot stays readable, and deleted rows leave the disk now: files that hold
        some are written anew, and the catalogue, which holds small commits, is vacuumed. A reader at work meanwhile
        may lose its files; with history replaced files stay for an hour.
        """
        days, grace = (SNAPSHOT_DAYS, "1 HOUR") if keep_history else (0, "0 SECOND")
        rewritten = "" if keep_history else ", delete_threshold => 0"  # else only files that are mostly deleted
        # Files of a writer at work elsewhere look orphaned; on one machine the queue keeps writers out.
        orphaned = "0 SECOND" if self._is_local else "1 DAY"
        with self._mutex, self._writers_queue():
            self._execute("CALL ducklake_flush_inlined_data('lake')")
            self._execute(f"CALL ducklake_rewrite_data_files('lake'{rewritten})")
            self._execute("CALL ducklake_merge_adjacent_files('lake')")
            self._execute(f"CALL ducklake_expire_snapshots('lake', older_than => now() - INTERVAL {days} DAY)")
            self._execute(f"CALL ducklake_cleanup_old_files('lake', older_than => now() - INTERVAL {grace})")
            self._execute(f"CALL ducklake_delete_orphaned_files('lake', older_than => now() - INTERVAL {orphaned})")
            if self._is_local and not keep_history:
                _vacuum(self._catalog_file)

    def expire(self, *, now: datetime) -> dict[str, int]:
        """Delete rows older than each table's retention."""
        query = "SELECT table_name FROM duckdb_tables() WHERE database_name = 'lake'"
        deleted: dict[str, int] = {}
        for (name,) in sorted(self._execute(query).fetchall()):
            schema = schema_of(name)
            if schema is None or schema.retention_days is None or schema.event_timestamp is None:
                continue
            oldest = now - timedelta(days=schema.retention_days)
            statement = f'DELETE FROM lake.main."{name}" WHERE "{schema.event_timestamp}" < ?'
            deleted[name] = self.transact(lambda s=statement, o=oldest: _count(self._execute(s, [o])))  # type: ignore[misc]
        return deleted

    def close(self) -> None:
        """Release the connection and with it the temporary tables."""
        self.backend.disconnect()
        self._scratch.close()

    # --- the connection ---------------------------------------------------------------------------

    def _configure(self, settings: Settings) -> None:
        self._execute(f"SET temp_directory = '{self._scratch.folder}'")
        self._execute("SET TimeZone = 'UTC'")
        self._execute("SET preserve_insertion_order = false")
        with suppress(duckdb.InvalidInputException):  # in Jupyter without ipywidgets there is no bar to switch off
            self._con.execute("SET enable_progress_bar = false")
        if settings.threads:
            self._execute(f"SET threads = {settings.threads}")
        if settings.memory_limit:
            self._execute(f"SET memory_limit = '{settings.memory_limit}'")
        for name in ("sqlite_scanner", "ducklake"):
            self._execute(f"LOAD '{_extension(name, self._home / 'extensions')}'")

    def _attach(self) -> None:
        if self._is_local and not self._catalog_file.exists():
            with closing(sqlite3.connect(self._catalog_file)) as catalog:  # or an open reader would block every commit
                catalog.execute("PRAGMA journal_mode=WAL")
        self._execute(
            f"ATTACH 'ducklake:{self._catalog}' AS lake "
            # the data path is where it is now, so a home that was moved or copied still opens
            f"(DATA_PATH '{self._data_path}', OVERRIDE_DATA_PATH true, DATA_INLINING_ROW_LIMIT {INLINED_ROWS})"
        )
        self._execute("CALL lake.set_option('parquet_compression', 'zstd')")
        self._execute("CALL lake.set_option('parquet_compression_level', 1)")  # writes a third faster, hardly larger
        self._execute("USE lake")

    @contextmanager
    def _writers_queue(self) -> Iterator[None]:
        """Let the writers of this machine take turns; the kernel frees the lock of a killed process."""
        if not self._is_local:
            yield
            return
        with (self._home / "catalog.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _as_query(self, rows: Rows) -> Iterator[str]:
        if isinstance(rows, ir.Table):
            self.backend._register_in_memory_tables(rows)
            yield self.backend.compile(rows)
            return
        name = f"rows_{next(self._names)}"
        self._con.register(name, rows.to_arrow() if isinstance(rows, pl.DataFrame) else rows)
        try:
            yield f'SELECT * FROM "{name}"'
        finally:
            self._con.unregister(name)

    def _execute(self, statement: str, parameters: list[Any] | None = None) -> duckdb.DuckDBPyConnection:
        try:
            return self._con.execute(statement, parameters or [])
        except duckdb.Error as error:
            if self._depth:  # transact decides whether to try again
                raise
            raise EngineError(f"DuckLake: {_line(error)}") from error


def _vacuum(catalog: Path) -> None:
    """Vacuum the catalogue from a process of its own.

    DuckDB's SQLite and Python's do not see each other's locks within one process: the second to open a file takes
    itself for the only one and cuts the shared index that the first has mapped ("How To Corrupt An SQLite Database
    File", sqlite.org, 2.2.1).
    """
    statements = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=60); "
        "c.execute('VACUUM'); c.execute('PRAGMA wal_checkpoint(TRUNCATE)'); c.close()"
    )
    command = [sys.executable, "-c", statements, str(catalog)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    if done.returncode:
        raise EngineError(f"DuckLake: {catalog}: not vacuumed: {(done.stderr.strip().splitlines() or ['killed'])[-1]}")


def _extension(name: str, folder: Path) -> Path:
    """Return the extension file of its PyPI package, linked under the name that DuckDB derives its symbols from."""
    package = {"sqlite_scanner": "sqlite"}.get(name, name)
    spec = importlib.util.find_spec(f"duckdb_extension_{package}")
    if spec is None or not spec.submodule_search_locations:
        raise EngineError(f"DuckDB extension {package}: not installed; install duckdb-extension-{package}")
    source = Path(
        spec.submodule_search_locations[0],
        "extensions",
        f"v{duckdb.__version__}",
        f"{package}.duckdb_extension",
    )
    if name == package:
        return source
    link = folder / f"{name}.duckdb_extension"
    if not (link.is_symlink() and link.readlink() == source):  # a home may come from another installation
        folder.mkdir(parents=True, exist_ok=True)
        with Scratch(folder) as scratch:
            fresh = scratch.folder / link.name
            fresh.symlink_to(source)
            fresh.replace(link)
    return link


def _declared(rows: Rows, query: str) -> str:
    """Return the query with the types that the expression declares: DuckDB sums integers into wider ones."""
    if not isinstance(rows, ir.Table):
        return query
    columns = ", ".join(
        f'CAST("{name}" AS {DuckDBType.from_ibis(dtype).sql(dialect="duckdb")}) AS "{name}"'
        for name, dtype in rows.schema().items()
    )
    return f"SELECT {columns} FROM ({query})"


def _sql_type(dtype: str) -> str:
    parsed = dt.dtype(dtype)
    sql = DuckDBType.from_ibis(parsed).sql(dialect="duckdb")
    return sql if parsed.nullable else f"{sql} NOT NULL"


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:500]


def _count(result: duckdb.DuckDBPyConnection) -> int:
    row = result.fetchone()
    return int(row[0]) if row else 0
