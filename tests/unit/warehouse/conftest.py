"""One warehouse of each engine per module."""

import shutil
import uuid
from collections.abc import Iterator

import pytest

from trenddrop.core.settings import ClickHouseSettings, Settings
from trenddrop.warehouse import Warehouse, open_warehouse
from trenddrop.warehouse.clickhouse import ClickHouseWarehouse


@pytest.fixture(scope="module", params=["ducklake", "clickhouse"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """One migrated warehouse of each engine for the tests of a module, which drop the tables that they create."""
    if request.param == "ducklake":
        home = tmp_path_factory.mktemp("store") / "home"
        shutil.copytree(request.getfixturevalue("migrated_home"), home, symlinks=True)
        warehouse: Warehouse = open_warehouse(Settings(home=home, threads=2))
    else:
        request.getfixturevalue("chdb_engine")
        warehouse = ClickHouseWarehouse(ClickHouseSettings(interface="chdb", database=f"store_{uuid.uuid4().hex}"))
        warehouse.migrate()
    yield warehouse
    warehouse.close()
