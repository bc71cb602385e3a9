"""Ibis on ClickHouse, mended where the ClickHouse backend is slow or chdb falls short."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import ibis.expr.datatypes as dt
import ibis.expr.schema as sch
import ibis.expr.types as ir
import pyarrow as pa
from clickhouse_connect.driver.exceptions import ClickHouseError
from ibis.backends.clickhouse import Backend

from trenddrop.warehouse.clickhouse.dialect import PortableClickHouseCompiler
from trenddrop.warehouse.clickhouse.types import column_type


class ClickHouseBackend(Backend):
    """The Ibis backend, except that results travel as Arrow and memtables work on chdb.

    Ibis fetches Python objects and builds Arrow from them (about twenty times slower). chdb takes no external
    data, so a memtable becomes a table in memory; ``drop_memtables`` removes them.
    """

    compiler = PortableClickHouseCompiler()

    @classmethod
    def of(cls, client: Any, *, takes_external_data: bool) -> "ClickHouseBackend":
        """Return a backend on an open client."""
        backend: ClickHouseBackend = cls.from_connection(client)
        backend._takes_external_data = takes_external_data
        backend._memtables = set()
        return backend

    def external_data(self, expr: ir.Expr) -> Any:
        """Return what a query needs beside its text, for the memtables in the expression."""
        return self._normalize_external_tables(self._collect_in_memory_tables(expr))

    def drop_memtables(self) -> None:
        """Drop the tables that stand for memtables on chdb."""
        while self._memtables:
            self.con.command(f"DROP TABLE IF EXISTS `{self._memtables.pop()}`")

    def to_pyarrow(
        self,
        expr: ir.Expr,
        /,
        *,
        params: Mapping[ir.Scalar, Any] | None = None,
        limit: int | str | None = None,
        external_tables: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Run the expression and return Arrow, of exactly the types of the expression."""
        schema: sch.Schema = expr.as_table().schema()
        if external_tables or kwargs or not all(_travels_as_arrow(dtype) for dtype in schema.types):
            return super().to_pyarrow(expr, params=params, limit=limit, external_tables=external_tables, **kwargs)
        sql = self.compile(expr.as_table(), limit=limit, params=params)
        try:
            got = self.con.query_arrow(sql, use_strings=True, external_data=self.external_data(expr))
        except ClickHouseError:
            with suppress(ClickHouseError, UnicodeDecodeError):  # chdb puts what the failed query had written already
                self.con.query("SELECT 1")  # before the answer of the next one
            raise
        target = schema.to_pyarrow()
        columns = [_as_type(column, field.type) for column, field in zip(got.columns, target, strict=True)]
        return expr.__pyarrow_result__(pa.Table.from_arrays(columns, schema=target))

    def _normalize_external_tables(self, external_tables: Mapping[str, Any] | None = None) -> Any:
        if self._takes_external_data:
            return super()._normalize_external_tables(external_tables)
        for name, op in (external_tables or {}).items():
            if name not in self._memtables:
                body = ", ".join(f"`{column}` {column_type(kind, staged=True)}" for column, kind in op.schema.items())
                self.con.command(f"CREATE TABLE `{name}` ({body}) ENGINE = Memory")
                self._memtables.add(name)
                self.con.insert_arrow(name, op.data.to_pyarrow(op.schema))
        return None


def _travels_as_arrow(dtype: dt.DataType) -> bool:
    """Return whether ClickHouse writes this type as the Arrow type that Ibis expects, or one that casts to it."""
    if dtype.is_array():
        return _travels_as_arrow(dtype.value_type)
    return bool(dtype.is_integer() or dtype.is_floating() or dtype.is_boolean() or dtype.is_string()) or (
        dtype.is_timestamp() or dtype.is_date() or dtype.is_decimal()
    )


def _as_type(column: pa.ChunkedArray, target: pa.DataType) -> pa.ChunkedArray:
    if column.type == target:
        return column
    if column.type == pa.uint32() and pa.types.is_timestamp(target):  # a DateTime, as toStartOfHour returns it
        return column.cast(pa.int64()).cast(pa.timestamp("s", target.tz)).cast(target)
    return column.cast(target)
