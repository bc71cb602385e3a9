"""Ibis dtypes as ClickHouse column types."""

import ibis.expr.datatypes as dt
from ibis.backends.sql.datatypes import ClickHouseType


def column_type(dtype: str | dt.DataType, *, staged: bool = False) -> str:
    """Return the column type; ``staged`` makes it nullable, as the columns of a join's result may be.

    ClickHouse has no null array: a column of arrays is never null.

    >>> column_type("!timestamp('UTC', 6)"), column_type("int64"), column_type("!array<string>")
    ("DateTime64(6, 'UTC')", 'Nullable(Int64)', 'Array(Nullable(String))')
    """
    parsed: dt.DataType = dt.dtype(dtype)
    if parsed.is_null():  # a column of nothing but nulls; DuckDB makes it INTEGER too
        parsed = dt.int32
    if parsed.is_timestamp() and parsed.scale is None:  # DateTime ends in 2106
        parsed = parsed.copy(scale=6)
    return ClickHouseType.from_ibis(parsed.copy(nullable=True) if staged else parsed).sql(dialect="clickhouse")
