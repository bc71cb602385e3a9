"""A fresh warehouse of either engine."""

import uuid
from collections.abc import Iterator

import pytest

from trenddrop.core.settings import ClickHouseSettings
from trenddrop.warehouse import Warehouse


@pytest.fixture(scope="session")
def chdb_up() -> Iterator[None]:
    """Keep the in-process engine up between tests: chdb allows one data path a process, and starts slowly."""
    pytest.importorskip("chdb", reason="chdb, the in-process ClickHouse, is not installed")
    from trenddrop.warehouse.clickhouse import ClickHouseWarehouse

    keeper = ClickHouseWarehouse(ClickHouseSettings(interface="chdb", database="quality_keeper"))
    yield
    keeper.close()


@pytest.fixture
def clickhouse(chdb_up: None) -> Iterator[Warehouse]:
    from trenddrop.warehouse.clickhouse import ClickHouseWarehouse

    warehouse = ClickHouseWarehouse(ClickHouseSettings(interface="chdb", database=f"test_{uuid.uuid4().hex}"))
    warehouse.migrate()
    yield warehouse
    warehouse.backend.con.command(f"DROP DATABASE {warehouse.backend.con.database}")
    warehouse.close()


@pytest.fixture(params=["ducklake", "clickhouse"])
def any_wh(request: pytest.FixtureRequest) -> Warehouse:
    fixture: Warehouse = request.getfixturevalue("wh" if request.param == "ducklake" else "clickhouse")
    return fixture
