"""The warehouse that every stage reads and writes; the engines implement this Protocol."""

from collections.abc import Callable
from datetime import datetime
from typing import Literal, Protocol, TypeAlias, TypeVar

import ibis.expr.types as ir
import polars as pl
import pyarrow as pa
from ibis.backends import BaseBackend

from trenddrop.schemas import TableSchema

Rows: TypeAlias = ir.Table | pa.Table | pl.DataFrame
Result = TypeVar("Result")


class Warehouse(Protocol):
    """Tables with transactions, snapshots and idempotent batches.

    A stage first computes (Ibis expressions over ``table``, held in ``stage``) and then writes inside ``transact``:
    reads inside a transaction need not see its own writes.
    """

    backend: BaseBackend  # where the expressions of ``table`` and ``stage`` run

    @property
    def engine(self) -> Literal["ducklake", "clickhouse"]:
        """Return which engine this is."""
        ...

    def migrate(self, *, to: int | None = None) -> list[int]:
        """Bring the schema to version ``to`` (default: the newest), up or down; return the versions that ran."""
        ...

    def ensure_table(self, schema: TableSchema) -> None:
        """Create the table unless it exists; ``raw_<system>_data`` tables come into being this way."""
        ...

    def has_table(self, name: str) -> bool:
        """Return whether the table exists."""
        ...

    def table(self, name: str, *, snapshot: str | None = None) -> ir.Table:
        """Return the committed rows, now or as of a snapshot, with exactly the columns of the schema."""
        ...

    def stage(self, rows: Rows) -> ir.Table:
        """Hold rows in a temporary table of this engine, so that an expression runs once and joins see real sizes."""
        ...

    def release(self) -> None:
        """Drop every staged table; a job calls it after each stage."""
        ...

    def append(self, name: str, rows: Rows) -> int:
        """Append rows (columns matched by name, missing nullable ones null) and return how many."""
        ...

    def append_batch(self, name: str, rows: Rows, *, batch_id: str) -> int:
        """Append rows unless this batch was already appended to this table; return how many were."""
        ...

    def delete(self, name: str, keys: Rows) -> int:
        """Delete the rows that equal a row of ``keys`` in all of its columns and return how many."""
        ...

    def transact(self, body: Callable[[], Result], *, claim: str | None = None) -> Result:
        """Run ``body`` so that all of its appends and deletes become visible together, or none.

        The whole body runs again when another writer was faster. Transactions with the same ``claim`` exclude
        each other, so that "read what is there, append what is missing" is safe.
        """
        ...

    def snapshot_id(self) -> str:
        """Return the id of the newest snapshot; ``table(name, snapshot=...)`` repeats what it held."""
        ...

    def compact(self, *, keep_history: bool = True) -> None:
        """Merge small files or parts and remove what a killed process left; without history, old snapshots too."""
        ...

    def expire(self, *, now: datetime) -> dict[str, int]:
        """Delete rows older than each table's retention; return deleted rows per table."""
        ...

    def close(self) -> None:
        """Release connections and temporary tables."""
        ...
