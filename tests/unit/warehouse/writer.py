"""A process that writes into a DuckLake beside others; the tests start it and, in part, kill it."""

import itertools
import sys
import time
from pathlib import Path

import polars as pl

from trenddrop.core.settings import Settings
from trenddrop.schemas import TableSchema
from trenddrop.warehouse import Warehouse, open_warehouse

LEFT = TableSchema(name="left_side", columns={"writer": "!string", "n": "!int64", "batch_id": "!string"}, key=("n",))
RIGHT = TableSchema(name="right_side", columns=LEFT.columns, key=("n",))


def rows(writer: str, *numbers: int, batch_id: str = "") -> pl.DataFrame:
    return pl.DataFrame({"writer": writer, "n": numbers, "batch_id": batch_id}, schema_overrides={"n": pl.Int64})


def wait_for(path: Path) -> None:
    while not path.exists():
        time.sleep(0.01)


def migrate(folder: Path, writer: str) -> None:
    """Bring a fresh home up to date at the same moment as the other writers."""
    from trenddrop.warehouse import DuckLakeWarehouse

    (folder / f"ready_{writer}").touch()
    wait_for(folder / "go")
    warehouse = DuckLakeWarehouse(Settings(home=folder / "fresh", threads=1))
    (folder / f"ran_{writer}").write_text(str(warehouse.migrate()))
    warehouse.close()


def append(warehouse: Warehouse, writer: str) -> None:
    """Append this writer's own rows, the batch that all writers have, and the next number that is missing."""

    def append_next() -> None:
        newest = warehouse.table(RIGHT.name).n.max().to_pyarrow().as_py()
        warehouse.append(RIGHT.name, rows(writer, 0 if newest is None else newest + 1))

    for number in range(4):
        warehouse.append(LEFT.name, rows(writer, number))
        warehouse.append_batch(LEFT.name, rows("all", number, batch_id=f"batch {number}"), batch_id=f"batch {number}")
        warehouse.transact(append_next, claim="next")


def append_for_ever(warehouse: Warehouse) -> None:
    """Write the same number of rows to both sides, small and large transactions in turn."""
    for number in itertools.count():
        size = 1 if number % 2 else 2000
        batch = rows("killed", *range(size), batch_id=str(number))

        def body(batch: pl.DataFrame = batch) -> None:
            warehouse.append(LEFT.name, batch)
            warehouse.append(RIGHT.name, batch)

        warehouse.transact(body, claim="for ever")


def main(task: str, folder: Path, writer: str) -> None:
    if task == "append":
        migrate(folder, writer)
    warehouse = open_warehouse(Settings(home=folder / "home", threads=1))
    if task == "append":
        append(warehouse, writer)
    else:
        (folder / "ready_killed").touch()
        append_for_ever(warehouse)
    warehouse.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
