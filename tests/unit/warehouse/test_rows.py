"""Rows that fit, and rows that do not."""

from datetime import UTC, datetime

import ibis
import polars as pl
import pyarrow as pa
import pytest

from trenddrop.core.errors import SchemaError
from trenddrop.schemas import TABLES
from trenddrop.warehouse.rows import as_arrow, column_names, require_fit, schema_of

SCHEMA = ibis.schema({"id": "!string", "n": "int64", "at": "timestamp('UTC', 6)"})


def test_column_names_of_every_kind() -> None:
    frame = pl.DataFrame({"b": [1], "a": [2]})
    assert [column_names(rows) for rows in (frame, frame.to_arrow(), ibis.memtable(frame))] == [["b", "a"]] * 3


def test_every_problem_of_the_columns_is_named() -> None:
    with pytest.raises(SchemaError, match=r"things: unknown columns \['x', 'y'\]; missing columns \['id'\]"):
        require_fit("things", ["y", "x", "n"], SCHEMA)
    require_fit("things", ["id"], SCHEMA)


def test_every_problem_of_the_values_is_named() -> None:
    rows = pa.table({"id": ["a", None], "n": ["1", "x"], "at": [[1], [2]]})
    with pytest.raises(SchemaError, match=r"things: id: 1 nulls.*; n: .*'x'.*; at: is list"):
        as_arrow(rows, name="things", schema=SCHEMA)


def test_values_take_the_types_of_the_schema() -> None:
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    rows = pl.DataFrame({"id": ["a"], "n": pl.Series([1], dtype=pl.Int8), "at": [moment]})
    got = as_arrow(rows, schema=SCHEMA)
    assert got.schema.types == [pa.string(), pa.int64(), pa.timestamp("us", "UTC")]
    assert got.to_pylist() == [{"id": "a", "n": 1, "at": moment}]


def test_a_column_of_nothing_has_a_type() -> None:
    assert as_arrow(pl.DataFrame({"nothing": [None, None]})).schema.types == [pa.int32()]


def test_schemas_are_found_by_name() -> None:
    assert schema_of("hashtags") is TABLES["hashtags"]
    raw = schema_of("raw_my_system_data")
    assert raw is not None
    assert raw.retention_days == 30
    assert schema_of("things") is None
