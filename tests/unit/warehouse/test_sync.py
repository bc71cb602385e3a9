"""Only what differs is written."""

import polars as pl
import pytest

from trenddrop.schemas import TABLES
from trenddrop.schemas.table import TableSchema
from trenddrop.warehouse import Warehouse, sync

THINGS = TableSchema(
    name="synced",
    columns={"thing_id": "!string", "n": "int64", "ratio": "float64", "tags": "!array<string>"},
    key=("thing_id",),
)


def things(*rows: tuple[str, int | None, float | None, list[str]]) -> pl.DataFrame:
    kinds = {"thing_id": pl.String, "n": pl.Int64, "ratio": pl.Float64, "tags": pl.List(pl.String)}
    return pl.DataFrame(rows, schema=kinds, orient="row")


def run(warehouse: Warehouse, rows: pl.DataFrame) -> int:
    return sync(warehouse, THINGS, warehouse.stage(rows), warehouse.table(THINGS.name))


@pytest.fixture
def wh_with_two(store: Warehouse) -> Warehouse:
    store.drop_table(THINGS.name)
    store.ensure_table(THINGS)
    assert run(store, things(("a", 1, 0.5, ["x"]), ("b", None, None, []))) == 2
    return store


def test_the_same_rows_again_write_nothing(wh_with_two: Warehouse) -> None:
    assert run(wh_with_two, things(("b", None, None, []), ("a", 1, 0.5, ["x"]))) == 0
    assert wh_with_two.table("synced").count().to_pyarrow().as_py() == 2


def test_only_rows_that_differ_are_replaced(wh_with_two: Warehouse) -> None:
    wanted = things(("b", None, None, ["y"]), ("a", 1, 0.5, ["x"]), ("c", 3, 1.0, []))
    assert run(wh_with_two, wanted) == 2
    assert wh_with_two.table("synced").order_by("thing_id").to_polars().equals(wanted.sort("thing_id"))


def test_rows_that_are_no_longer_wanted_go(wh_with_two: Warehouse) -> None:
    assert run(wh_with_two, things(("a", 1, 0.5, ["x"]))) == 0
    assert wh_with_two.table("synced").thing_id.to_pyarrow().to_pylist() == ["a"]


def test_a_part_of_a_table_leaves_the_rest_alone(wh_with_two: Warehouse) -> None:
    table = wh_with_two.table("synced")
    part = table.filter(table.thing_id == "b")
    assert sync(wh_with_two, THINGS, wh_with_two.stage(things(("b", 2, None, []))), part) == 1
    assert wh_with_two.table("synced").order_by("thing_id").n.to_pyarrow().to_pylist() == [1, 2]


def test_schemas_have_keys_to_sync_by() -> None:
    assert [name for name, schema in TABLES.items() if not set(schema.key) <= set(schema.columns)] == []
