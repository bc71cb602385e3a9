"""Rows on their way into a table, and whether they fit its columns."""

from collections.abc import Iterable

import ibis.expr.schema as sch
import ibis.expr.types as ir
import polars as pl
import pyarrow as pa

from trenddrop.core.errors import SchemaError
from trenddrop.schemas import TABLES, TableSchema, raw_data
from trenddrop.warehouse.warehouse import Rows


def schema_of(name: str) -> TableSchema | None:
    """Return the schema that the code knows for a table, if any."""
    if name.startswith("raw_") and name.endswith("_data"):
        return raw_data(name.removeprefix("raw_").removesuffix("_data"))
    return TABLES.get(name)


def count_rows(rows: ir.Table) -> int:
    """Return how many rows an expression has."""
    return int(rows.count().to_pyarrow().as_py())


def has_rows(rows: ir.Table) -> bool:
    """Return whether an expression has any row; the engine stops at the first."""
    return bool(rows.select(rows.columns[0]).limit(1).to_pyarrow().num_rows)


def column_names(rows: Rows) -> list[str]:
    """Return the names of the columns."""
    return list(rows.column_names) if isinstance(rows, pa.Table) else list(rows.columns)


def require_fit(name: str, columns: Iterable[str], schema: sch.Schema) -> None:
    """Raise SchemaError, naming every problem, when columns are unknown or a column that is never null is missing."""
    got = list(columns)
    problems = []
    if unknown := sorted(set(got) - set(schema.names)):
        problems.append(f"unknown columns {unknown}")
    if missing := sorted(column for column in set(schema.names) - set(got) if not schema[column].nullable):
        problems.append(f"missing columns {missing}")
    if problems:
        raise SchemaError(f"{name}: {'; '.join(problems)}; got {got}; the table has {list(schema.names)}")


def as_arrow(rows: pa.Table | pl.DataFrame, *, name: str = "rows", schema: sch.Schema | None = None) -> pa.Table:
    """Return the rows as Arrow, in the types of the schema's columns where one is given.

    Without one, each column gets the type that its Ibis dtype stands for, and a column of nothing but nulls int32, as
    DuckDB does. Engines disagree about a null in a column that is never null (ClickHouse writes 0 or an empty text
    for one that arrives as Arrow), so it is refused here. A timestamp without a zone is UTC.
    """
    table = rows.to_arrow() if isinstance(rows, pl.DataFrame) else rows
    if schema is None:
        return table.cast(sch.Schema.from_pyarrow(_typed(table).schema).to_pyarrow())
    problems, columns = [], []
    for column in table.column_names:
        try:
            columns.append(_cast(table[column], schema[column].to_pyarrow()))
        except pa.ArrowInvalid as error:
            problems.append(f"{column}: {' '.join(str(error).split())[:200]}")
        except pa.ArrowNotImplementedError:
            problems.append(f"{column}: is {table[column].type}, the table has {schema[column]}")
        else:
            if table[column].null_count and not schema[column].nullable:
                problems.append(f"{column}: {table[column].null_count} nulls in a column that is never null")
    if problems:
        raise SchemaError(f"{name}: {'; '.join(problems)}")
    return pa.Table.from_arrays(columns, names=table.column_names)


def _typed(table: pa.Table) -> pa.Table:
    fields = [pa.field(field.name, pa.int32()) if pa.types.is_null(field.type) else field for field in table.schema]
    return table.cast(pa.schema(fields))


def _cast(column: pa.ChunkedArray, target: pa.DataType) -> pa.ChunkedArray:
    """Cast without losing anything but fractions of a microsecond."""
    if column.type == target:
        return column
    return column.cast(target, safe=not pa.types.is_timestamp(target))
