"""DuckLake and ClickHouse behind one interface."""

import os
from pathlib import Path

from trenddrop.core.errors import ConfigError
from trenddrop.core.settings import Settings
from trenddrop.warehouse.ducklake import DuckLakeWarehouse
from trenddrop.warehouse.rows import count_rows, has_rows
from trenddrop.warehouse.sync import sync
from trenddrop.warehouse.warehouse import Rows, Warehouse


def open_warehouse(settings: Settings) -> Warehouse:
    """Open the engine that the settings name, with its schema brought up to date.

    Raises ConfigError when the home cannot be made or written.
    """
    _require_home(settings.home)
    if settings.engine == "clickhouse":
        from trenddrop.warehouse.clickhouse import ClickHouseWarehouse  # noqa: PLC0415 - an optional extra

        path = settings.home / "clickhouse" if settings.clickhouse.interface == "chdb" else None
        warehouse: Warehouse = ClickHouseWarehouse(settings.clickhouse, path=path)
    else:
        warehouse = DuckLakeWarehouse(settings)
    warehouse.migrate()
    return warehouse


def _require_home(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
        fault = "" if os.access(home, os.W_OK | os.X_OK) else "cannot be written"
    except OSError as error:
        fault = f"cannot be made: {error.strerror or error}"
    if fault:
        raise ConfigError(f"home {home}: {fault}; give another folder with --home or TRENDDROP_HOME")


__all__ = ["DuckLakeWarehouse", "Rows", "Warehouse", "count_rows", "has_rows", "open_warehouse", "sync"]
