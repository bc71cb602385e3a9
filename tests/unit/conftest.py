"""Both engines with tiny tables in them, for the packages whose expressions must mean the same on each."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import clickhouse_connect
import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pytest
from ibis.backends import BaseBackend

from trenddrop.schemas import TABLES

START = datetime(2026, 1, 2, tzinfo=UTC)  # a Friday
Row = dict[str, Any]


class Engine:
    """A DuckDB or ClickHouse in this process that takes rows and holds intermediate tables."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._names = itertools.count()
        self._client = clickhouse_connect.get_client(interface="chdb") if name == "clickhouse" else None
        if self._client is None:
            self.backend: BaseBackend = ibis.duckdb.connect()
            self.backend.con.execute("SET threads = 2")
        else:
            self._client.command("SET join_use_nulls = 1")
            self.backend = ibis.clickhouse.from_connection(self._client)

    def load(self, table: str, rows: Sequence[Row]) -> ir.Table:
        """Return a table with the schema of ``table`` that holds the rows."""
        schema = TABLES[table].ibis()
        arrow = pa.Table.from_pylist(list(rows), schema=schema.to_pyarrow())
        name = f"rows_{next(self._names)}"  # ibis calls its aliases t0, t1, ...
        if self._client is not None:
            self.backend.create_table(name, schema=schema, engine="Memory")
            if rows:
                self._client.insert_arrow(name, arrow)
        else:
            self.backend.con.register("arrow_rows", arrow)
            self.backend.con.execute(f"CREATE TABLE {name} AS SELECT * FROM arrow_rows")
            self.backend.con.unregister("arrow_rows")
        return self.backend.table(name)

    def stage(self, rows: ir.Table) -> ir.Table:
        """Hold an expression's rows in a table."""
        name = f"rows_{next(self._names)}"  # ibis calls its aliases t0, t1, ...
        suffix = "ENGINE = Memory " if self._client is not None else ""
        statement = f"CREATE TABLE {name} {suffix}AS {self.backend.compile(rows)}"
        if self._client is not None:
            self._client.command(statement)
        else:
            self.backend.con.execute(statement)
        return self.backend.table(name)


@pytest.fixture(params=["duckdb", "clickhouse"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    engine = Engine(request.param)
    yield engine
    engine.backend.disconnect()


@pytest.fixture
def duckdb_engine() -> Iterator[Engine]:
    engine = Engine("duckdb")
    yield engine
    engine.backend.disconnect()


@pytest.fixture(scope="session")
def metric() -> Callable[..., Row]:
    """Build a row of ``hashtag_metrics`` for hour ``at`` (hours after the start), known ``late`` minutes after it."""

    def build(at: int, *, tag: str = "a", late: float = -5, platform: str = "tiktok", **values: Any) -> Row:
        moment = START + timedelta(hours=at)
        blank = dict.fromkeys(TABLES["hashtag_metrics"].columns)
        return blank | {
            "hashtag_id": f"{platform}:{tag}",
            "timestamp": moment,
            "created_timestamp": moment + timedelta(minutes=late),
            "window_duration_minutes": 60,
            "is_gap": False,
            "is_reset": False,
            "platform": platform,
            **values,
        }

    return build
