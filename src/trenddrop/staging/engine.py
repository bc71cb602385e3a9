"""Where records are parsed: inside the warehouse when that is DuckDB, else in a DuckDB of its own."""

import itertools
import os
import tempfile
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from trenddrop.core.scratch import Scratch
from trenddrop.staging.unions import nullable
from trenddrop.warehouse import Rows, Warehouse


class ParsingEngine:
    """Holds tables in DuckDB while a group of files is parsed, and drops them afterwards.

    With DuckLake the warehouse's own connection is used, so that nothing is copied on the way into the lake. The engine
    spills to disk what does not fit into memory.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._is_shared = warehouse.engine == "ducklake"
        self._scratch = None if self._is_shared else Scratch(Path(tempfile.gettempdir()) / f"trenddrop-{os.getuid()}")
        self._backend: Any = warehouse.backend
        if self._scratch is not None:
            self._backend = ibis.duckdb.connect(temp_directory=str(self._scratch.folder))
        self._names = (f"parsing_{number}" for number in itertools.count())
        self._held: list[str] = []

    def hold(self, rows: ir.Table | pa.Table) -> ir.Table:
        """Keep rows in a temporary table."""
        name = next(self._names)
        expression = ibis.memtable(rows) if isinstance(rows, pa.Table) else rows
        self._backend._register_in_memory_tables(expression)
        self._backend.raw_sql(f'CREATE OR REPLACE TEMP TABLE "{name}" AS {self._backend.compile(expression)}')
        self._held.append(name)
        return self._backend.table(name, database=("temp", "main"))

    def fetch(self, rows: ir.Table) -> ir.Table:
        """Bring rows of the warehouse here."""
        if self._is_shared:
            return self.hold(rows)
        return nullable(self.hold(rows.to_pyarrow()).cast(rows.schema()))

    def give(self, rows: ir.Table) -> Rows:
        """Return rows in a form that the warehouse takes."""
        return rows if self._is_shared else self._backend.to_pyarrow(rows)

    def release(self) -> None:
        """Drop everything held."""
        while self._held:
            self._backend.raw_sql(f'DROP TABLE IF EXISTS temp.main."{self._held.pop()}"')

    def close(self) -> None:
        """Drop everything held, and the connection if it is not the warehouse's."""
        self.release()
        if self._scratch is not None:
            self._backend.disconnect()
            self._scratch.close()
