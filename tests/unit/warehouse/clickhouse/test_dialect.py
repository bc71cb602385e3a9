"""One expression, two engines, the same answer."""

import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pytest

from trenddrop.core.settings import ClickHouseSettings
from trenddrop.schemas import TableSchema
from trenddrop.schemas.table import TIMESTAMP
from trenddrop.warehouse.clickhouse import ClickHouseWarehouse

SAMPLE = TableSchema(
    name="sample",
    columns={
        "k": "!string",
        "n": "!int64",
        "m": "int64",
        "x": "float64",
        "s": "string",
        "at": f"!{TIMESTAMP}",
        "tags": "!array<string>",
        "b": "boolean",
        "z": "!int64",
    },
    key=("n",),
)
ROWS = [
    ("a", 1, None, 0.5, "Straße ÄÖ", datetime(2026, 1, 1, 0, 30, 15, 5, UTC), ["x", "y", None], True, 0),
    ("a", 2, 5, None, None, datetime(2026, 1, 2, 23, 59, 59, 999999, UTC), [], None, 1),
    ("b", 3, -7, math.nan, "", datetime(1969, 12, 31, 23, 0, 0, 0, UTC), ["x"], False, 0),
    ("b", 4, 8, -2.5, "日本語🙂 a,b", datetime(2110, 5, 17, 12, 0, 0, 0, UTC), ["z", "x"], True, 3),
]
BY_N = ibis.window(order_by="n")
BY_K = ibis.window(group_by="k", order_by="n")
BEFORE = ibis.window(order_by="n", preceding=(3, 1))
RANGE = ibis.range_window(order_by="n", preceding=1, following=0)

Expression = Callable[[ir.Table], ir.Value]

COLUMNS: dict[str, Expression] = {
    "lag": lambda t: t.n.lag().over(BY_K),
    "lag of a text": lambda t: t.k.lag().over(BY_N),
    "lag of a moment": lambda t: t.at.lag().over(BY_N),
    "lag of nulls": lambda t: t.m.lag(2).over(BY_N),
    "lag with a default": lambda t: t.n.lag(1, -9).over(BY_K),
    "lead": lambda t: t.n.lead().over(BY_K),
    "first": lambda t: t.n.first().over(BY_K),
    "sum of what came before": lambda t: t.n.sum().over(BEFORE),
    "count of what came before": lambda t: t.n.count().over(BEFORE),
    "greatest of what came before": lambda t: t.at.max().over(BEFORE),
    "sum over a range": lambda t: t.n.sum().over(RANGE),
    "mean over rows": lambda t: t.m.mean().over(ibis.window(order_by="n", preceding=2, following=0)),
    "deviation over rows": lambda t: t.n.std().over(ibis.window(order_by="n", preceding=1, following=0)),
    "row number": lambda t: ibis.row_number().over(BY_K),
    "rank of equals": lambda t: ibis.rank().over(ibis.window(order_by="k")),
    "dense rank of equals": lambda t: ibis.dense_rank().over(ibis.window(order_by="k")),
    "length": lambda t: t.s.length(),
    "lower": lambda t: t.s.lower(),
    "substring": lambda t: t.s.substr(1, 3),
    "substring to the end": lambda t: t.s.substr(2),
    "left": lambda t: t.s.left(2),
    "right": lambda t: t.s.right(2),
    "reverse": lambda t: t.s.reverse(),
    "find": lambda t: t.s.find("a"),
    "contains": lambda t: t.s.contains("本"),
    "split": lambda t: t.s.fill_null("").split(","),
    "parts of null": lambda t: t.s.split(",").length().fill_null(0),
    "concatenate": lambda t: t.s + "x",
    "regular expression": lambda t: t.s.re_search("[ab]"),
    "divide": lambda t: t.n / t.z,
    "divide unless zero": lambda t: t.n / t.z.nullif(0),
    "divide integers": lambda t: t.n / 2,
    "remainder": lambda t: t.m % 3,
    "round": lambda t: (t.n / 2).round(),
    "round negatives": lambda t: (-t.n / 2).round(),
    "round to a digit": lambda t: (t.n / 3).round(1),
    "to integer": lambda t: (t.n / 2).cast("int64"),
    "nulls to integer": lambda t: (t.m / 2).cast("int64"),
    "to text": lambda t: t.m.cast("string"),
    "to number, if it is one": lambda t: t.s.try_cast("int64"),
    "compare null": lambda t: t.m > t.n,
    "in": lambda t: t.m.isin([5, 8]),
    "not in": lambda t: t.m.notin([5]),
    "three-valued and": lambda t: t.b & (t.m > 0),
    "three-valued or": lambda t: t.b | (t.m > 0),
    "greatest": lambda t: ibis.greatest(t.m, t.n),
    "clip": lambda t: t.m.clip(0, 6),
    "coalesce": lambda t: ibis.coalesce(t.m, t.n),
    "case": lambda t: ibis.cases((t.n == 1, "one"), else_=t.s),
    "start of the hour": lambda t: t.at.truncate("h"),
    "start of the day": lambda t: t.at.truncate("D"),
    "date": lambda t: t.at.date(),
    "hour": lambda t: t.at.hour(),
    "day of the week": lambda t: t.at.day_of_week.index(),
    "add hours": lambda t: t.at + ibis.interval(hours=2),
    "seconds since 1970": lambda t: t.at.truncate("h").epoch_seconds().cast("int64"),
    "seconds to a moment": lambda t: (t.n * 3600).as_timestamp("s"),
    "compare moments": lambda t: t.at < ibis.timestamp(datetime(2026, 1, 2, tzinfo=UTC)),
    "length of an array": lambda t: t.tags.length(),
    "array contains": lambda t: t.tags.contains("x"),
    "sorted array": lambda t: t.tags.sort(),
    "filtered array": lambda t: t.tags.filter(lambda tag: tag != "x"),
}
AGGREGATES: dict[str, Expression] = {
    "sum": lambda t: t.n.sum(),
    "sum of nulls": lambda t: t.m.sum(),
    "sum where": lambda t: t.n.sum(where=t.n > 100),
    "greatest": lambda t: t.n.max(),
    "greatest text": lambda t: t.k.max(),
    "greatest moment where": lambda t: t.at.max(where=t.n > 100),
    "count": lambda t: t.m.count(),
    "count where": lambda t: t.n.count(where=t.n > 1),
    "distinct": lambda t: t.m.nunique(),
    "distinct where": lambda t: t.k.nunique(where=t.n > 100),
    "mean": lambda t: t.m.mean(),
    "deviation": lambda t: t.n.std(),
    "deviation of one": lambda t: t.n.std(where=t.n == 1),
    "variance of all": lambda t: t.n.var(how="pop"),
    "median": lambda t: t.n.median(),
    "quantile": lambda t: t.n.quantile(0.3).round(9),
    "quantile of nulls": lambda t: t.m.quantile(0.9).round(9),
    "argmax": lambda t: t.k.argmax(t.n),
    "argmin of nulls": lambda t: t.m.argmin(t.n),
    "any": lambda t: t.b.any(),
    "all": lambda t: t.b.all(),
    "how many": lambda t: (t.n > 1).sum(),
    "share": lambda t: (t.n > 1).mean(),
    "joined": lambda t: t.k.group_concat(),
}


@pytest.fixture(scope="module")
def engines(chdb_engine: None) -> Iterator[tuple[Any, Any]]:
    schema = pa.schema([(column, dtype.to_pyarrow()) for column, dtype in SAMPLE.ibis().items()])
    rows = pa.Table.from_pylist([dict(zip(SAMPLE.columns, row, strict=True)) for row in ROWS], schema=schema)
    clickhouse = ClickHouseWarehouse(ClickHouseSettings(interface="chdb", database="dialect"))
    clickhouse.drop_table("sample")
    clickhouse.ensure_table(SAMPLE)
    clickhouse.append("sample", rows)
    duckdb = ibis.duckdb.connect()
    duckdb.con.execute("SET TimeZone = 'UTC'")
    duckdb.con.register("rows", rows)
    duckdb.con.execute("CREATE TABLE sample AS FROM rows")
    yield duckdb, clickhouse.backend
    clickhouse.close()
    duckdb.disconnect()


def answer(backend: Any, query: Callable[[ir.Table], ir.Table]) -> str:
    return repr(backend.to_pyarrow(query(backend.table("sample"))).to_pylist())  # repr: NaN equals NaN


@pytest.mark.parametrize("name", COLUMNS)
def test_columns(engines: tuple[Any, Any], name: str) -> None:
    def query(table: ir.Table) -> ir.Table:
        return table.select("n", answer=COLUMNS[name](table)).order_by("n")

    duckdb, clickhouse = engines
    assert answer(clickhouse, query) == answer(duckdb, query)


@pytest.mark.parametrize("name", AGGREGATES)
def test_aggregates_of_all_of_groups_and_of_nothing(engines: tuple[Any, Any], name: str) -> None:
    def of_all(table: ir.Table) -> ir.Table:
        return table.aggregate(answer=AGGREGATES[name](table))

    def of_groups(table: ir.Table) -> ir.Table:
        return table.group_by("k").aggregate(answer=AGGREGATES[name](table)).order_by("k")

    def of_nothing(table: ir.Table) -> ir.Table:
        nothing = table.filter(table.n > 99)
        return nothing.aggregate(answer=AGGREGATES[name](nothing))

    duckdb, clickhouse = engines
    for query in (of_all, of_groups, of_nothing):
        assert answer(clickhouse, query) == answer(duckdb, query)


def test_what_cannot_be_an_integer_is_refused(engines: tuple[Any, Any]) -> None:
    for backend in engines:
        with pytest.raises(Exception, match=r"(?i)nan|convert"):
            answer(backend, lambda t: t.select(answer=t.x.cast("int64")))
        assert answer(backend, lambda t: t.select(answer=t.n.max())) == repr([{"answer": 4}] * 4)  # and goes on


def test_an_array_of_nothing_is_empty_on_clickhouse(engines: tuple[Any, Any]) -> None:
    _, clickhouse = engines
    assert answer(clickhouse, lambda t: t.filter(t.n > 99).aggregate(answer=lambda t: t.m.collect())) == repr(
        [{"answer": []}]
    )
