"""A process that writes into a chdb folder until it is killed, or says what the folder holds."""

import json
import sys
from datetime import timedelta
from pathlib import Path

import polars as pl

from trenddrop.core.settings import ClickHouseSettings
from trenddrop.core.time import utc_now
from trenddrop.schemas import TableSchema
from trenddrop.warehouse.clickhouse import ClickHouseWarehouse

SIDES = [TableSchema(name=name, columns={"n": "!int64"}, key=("n",)) for name in ("left_side", "right_side")]


def write(path: Path) -> None:
    warehouse = ClickHouseWarehouse(ClickHouseSettings(interface="chdb"), path=path)
    for side in SIDES:
        warehouse.ensure_table(side)
    rows = pl.DataFrame({"n": range(500)})
    while True:
        warehouse.transact(lambda: [warehouse.append(side.name, rows) for side in SIDES])
        (path.parent / "begun").touch()


def read(path: Path) -> None:
    warehouse = ClickHouseWarehouse(
        ClickHouseSettings(interface="chdb"), path=path, clock=lambda: utc_now() + timedelta(days=2)
    )
    warehouse.compact()
    client = warehouse.backend.con
    found = {
        key: client.query(f"SELECT count() FROM {table}").result_rows[0][0]
        for key, table in {
            "left": "left_side",
            "right": "right_side",
            "left_rows": "left_side__rows",
            "right_rows": "right_side__rows",
        }.items()
    }
    sys.stdout.write(json.dumps(found))
    warehouse.close()


if __name__ == "__main__":
    {"write": write, "read": read}[sys.argv[1]](Path(sys.argv[2]))
