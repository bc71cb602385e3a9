"""Texts in, typed columns out: the parsing engine for sources, with nothing else around it."""

import itertools
import json
from collections.abc import Callable, Iterable
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pytest

from trenddrop.sources import Parsed, Source

Parse = Callable[[Source, Iterable[Any]], Parsed]


@pytest.fixture
def hold() -> Callable[[ir.Table], ir.Table]:
    backend = ibis.duckdb.connect()
    names = itertools.count()

    def keep(rows: ir.Table) -> ir.Table:
        name = f"held_{next(names)}"
        backend._register_in_memory_tables(rows)
        backend.raw_sql(f"CREATE TEMP TABLE {name} AS {backend.compile(rows)}")
        return backend.table(name)

    return keep


@pytest.fixture
def parse(hold: Callable[[ir.Table], ir.Table]) -> Parse:
    """Parse records given as text or as objects."""

    def run(source: Source, records: Iterable[Any]) -> Parsed:
        texts = [record if isinstance(record, str) else json.dumps(record) for record in records]
        table = pa.table(
            {
                "record": pa.array(range(len(texts)), pa.int64()),
                "batch_id": pa.array(["batch"] * len(texts), pa.string()),
                "text": pa.array(texts, pa.string()),
                "reason": pa.nulls(len(texts), pa.string()),
            }
        )
        return source.parse(hold(ibis.memtable(table)), hold=hold, hash_key="key")

    return run


@pytest.fixture
def rows() -> Callable[[ir.Table | None], list[dict[str, Any]]]:
    """Return the rows of a table in the order of their records."""

    def read(table: ir.Table | None) -> list[dict[str, Any]]:
        assert table is not None
        return table.order_by("record").to_pyarrow().to_pylist()

    return read
