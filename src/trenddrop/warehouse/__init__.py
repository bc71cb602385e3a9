"""DuckLake and ClickHouse behind one interface."""

from trenddrop.core.settings import Settings
from trenddrop.warehouse.ducklake import DuckLakeWarehouse
from trenddrop.warehouse.sync import sync
from trenddrop.warehouse.warehouse import Rows, Warehouse


def open_warehouse(settings: Settings) -> Warehouse:
    """Open the engine that the settings name, with its schema brought up to date."""
    if settings.engine == "clickhouse":
        from trenddrop.warehouse.clickhouse import ClickHouseWarehouse  # noqa: PLC0415 - an optional extra

        path = settings.home / "clickhouse" if settings.clickhouse.interface == "chdb" else None
        warehouse: Warehouse = ClickHouseWarehouse(settings.clickhouse, path=path)
    else:
        warehouse = DuckLakeWarehouse(settings)
    warehouse.migrate()
    return warehouse


__all__ = ["DuckLakeWarehouse", "Rows", "Warehouse", "open_warehouse", "sync"]
