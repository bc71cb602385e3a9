"""Up, down and up again, on both engines."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import polars as pl
import pytest

from trenddrop.core.errors import ConfigError, IntegrityError
from trenddrop.schemas import TABLES
from trenddrop.warehouse import DuckLakeWarehouse
from trenddrop.warehouse.clickhouse import ClickHouseWarehouse
from trenddrop.warehouse.migrations import (
    MIGRATIONS,
    AddColumn,
    CreateTable,
    DropColumn,
    DropTable,
    Migration,
    run_migrations,
)
from trenddrop.warehouse.migrations.steps import script

Engine = DuckLakeWarehouse | ClickHouseWarehouse

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
FIRST = Migration(1, "fruit", "Fruit.", (CreateTable("fruit", {"name": "!string", "grams": "int64"}),))
SECOND = Migration(2, "colour", "Colour.", (AddColumn("fruit", "colour", "string"),))
THIRD = Migration(
    3, "lists", "Lists.", (CreateTable("lists", {"tags": "!array<string>"}), DropColumn("fruit", "grams", "int64"))
)
ALL = (FIRST, SECOND, THIRD)


def clock() -> datetime:
    return NOON


def go(engine: Engine, to: int | None, migrations: tuple[Migration, ...] = ALL) -> list[int]:
    return run_migrations(engine, migrations, to=to, clock=clock, applied_by="test")


def fruit(engine: Engine) -> list[dict[str, object]]:
    return sorted(engine.table("fruit").to_pyarrow().to_pylist(), key=lambda row: row["name"])


def ledger(engine: Engine) -> dict[int, bool]:
    rows = engine.table("schema_versions").to_pyarrow().to_pylist()
    return {row["version_id"]: row["is_current"] for row in rows}


@pytest.fixture
def bare(store: Engine) -> Iterator[Engine]:
    """A warehouse without tables."""
    scrub(store)
    yield store
    scrub(store)


def scrub(engine: Engine) -> None:
    for name in ("fruit", "lists", *TABLES):
        if engine.has_table(name):
            engine.drop_table(name)


def test_up_down_and_up_again(bare: Engine) -> None:
    assert go(bare, None) == [1, 2, 3]
    assert bare.table("fruit").schema().names == ("name", "colour")
    assert go(bare, None) == []
    assert go(bare, 1) == [3, 2]
    assert bare.table("fruit").schema().names == ("name", "grams")
    assert not bare.has_table("lists")
    assert go(bare, 0) == [1]
    assert not bare.has_table("fruit")
    assert go(bare, 3) == [1, 2, 3]
    assert bare.has_table("lists")


def test_rows_are_kept_where_a_column_comes_and_goes(bare: Engine) -> None:
    go(bare, 1)
    bare.append(
        "fruit", pl.DataFrame({"name": ["fig", "pear"], "grams": [50, None]}, schema_overrides={"grams": pl.Int64})
    )
    go(bare, 2)
    assert fruit(bare) == [
        {"name": "fig", "grams": 50, "colour": None},
        {"name": "pear", "grams": None, "colour": None},
    ]
    bare.append("fruit", pl.DataFrame({"name": ["plum"], "colour": ["blue"]}))
    assert bare.delete("fruit", pl.DataFrame({"name": ["pear"]})) == 1
    go(bare, 1)
    assert fruit(bare) == [{"name": "fig", "grams": 50}, {"name": "plum", "grams": None}]
    go(bare, 2)
    assert [row["colour"] for row in fruit(bare)] == [None, None]


def test_the_ledger_says_what_was_done_when_and_how_to_take_it_back(bare: Engine) -> None:
    go(bare, 2)
    assert ledger(bare) == {1: False, 2: True}
    rows = bare.table("schema_versions").order_by("version_id").to_pyarrow().to_pylist()
    assert rows[1] == {
        "version_id": 2,
        "version_name": "colour",
        "description": "Colour.",
        "migration_script": script(SECOND.up),
        "applied_at": NOON,
        "applied_by": "test",
        "rollback_script": script([DropColumn("fruit", "colour", "string")]),
        "is_current": True,
    }
    go(bare, 1)
    assert ledger(bare) == {1: True, 2: False}
    go(bare, 0)
    assert ledger(bare) == {1: False, 2: False}


def test_an_applied_migration_must_not_change(bare: Engine) -> None:
    go(bare, 1)
    changed = Migration(1, "fruit", "Fruit.", (CreateTable("fruit", {"name": "!string", "grams": "float64"}),))
    with pytest.raises(IntegrityError, match=r"\[1\].*immutable"):
        go(bare, None, (changed, SECOND))
    go(bare, 0)
    assert go(bare, None, (changed,)) == [1]  # taken back, it may


def test_a_warehouse_newer_than_the_code_is_refused(bare: Engine) -> None:
    go(bare, 3)
    with pytest.raises(ConfigError, match="at version 3, this code knows 2"):
        go(bare, None, (FIRST, SECOND))


@pytest.mark.parametrize("to", [-1, 4])
def test_an_unknown_version_is_named(bare: Engine, to: int) -> None:
    with pytest.raises(ConfigError, match=f"no version {to}; choose 0 to 3"):
        go(bare, to)


def test_versions_must_count_without_gaps(bare: Engine) -> None:
    with pytest.raises(ConfigError, match="1, 2, 3"):
        go(bare, None, (FIRST, THIRD))


def test_a_migration_that_fails_is_not_recorded_and_can_be_repeated(bare: Engine) -> None:
    class Stop(Exception): ...

    def stop(*_: object) -> None:
        raise Stop

    go(bare, 1)
    drop_column: Callable[..., None] = bare.drop_column
    bare.drop_column = stop  # type: ignore[method-assign,assignment]
    with pytest.raises(Stop):
        go(bare, 3)
    bare.drop_column = drop_column  # type: ignore[method-assign]
    assert ledger(bare) == {1: True}
    assert go(bare, 3) == [2, 3]
    assert bare.table("fruit").schema().names == ("name", "colour")


def test_drop_table_comes_back_empty(bare: Engine) -> None:
    drop = Migration(2, "no_fruit", "No fruit.", (DropTable("fruit", {"name": "!string", "grams": "int64"}),))
    go(bare, None, (FIRST,))
    bare.append("fruit", pl.DataFrame({"name": ["fig"], "grams": [1]}))
    assert go(bare, None, (FIRST, drop)) == [2]
    assert not bare.has_table("fruit")
    assert go(bare, 1, (FIRST, drop)) == [2]
    assert fruit(bare) == []


def test_the_newest_version_holds_the_tables_of_the_schemas(bare: Engine) -> None:
    bare.migrate()
    assert {name: bare.table(name).schema() for name in TABLES} == {
        name: table.ibis() for name, table in TABLES.items()
    }
    assert bare.migrate(to=0) == [m.version for m in reversed(MIGRATIONS)]
    assert [name for name in TABLES if bare.has_table(name)] == ["schema_versions"]
    assert bare.migrate() == [m.version for m in MIGRATIONS]
