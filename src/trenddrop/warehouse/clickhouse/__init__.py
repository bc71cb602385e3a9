"""The engine for many machines: ClickHouse, on a server or (``interface="chdb"``) inside this process."""

from trenddrop.warehouse.clickhouse.engine import ClickHouseWarehouse

__all__ = ["ClickHouseWarehouse"]
