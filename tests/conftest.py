"""Fixtures that several test packages use: fresh warehouses and the real data sets."""

import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from trenddrop.core.settings import ClickHouseSettings, Settings
from trenddrop.warehouse import Warehouse, open_warehouse
from trenddrop.warehouse.clickhouse import ClickHouseWarehouse


@pytest.fixture(scope="session")
def migrated_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose DuckLake is migrated and empty; tests copy it, which is quicker than to migrate again."""
    home = tmp_path_factory.mktemp("migrated") / "home"
    open_warehouse(Settings(home=home)).close()
    return home


@pytest.fixture
def settings(tmp_path: Path, migrated_home: Path) -> Settings:
    home = tmp_path / "home"
    shutil.copytree(migrated_home, home, symlinks=True)
    return Settings(home=home, threads=2)


@pytest.fixture
def wh(settings: Settings) -> Iterator[Warehouse]:
    """A fresh DuckLake."""
    warehouse = open_warehouse(settings)
    yield warehouse
    warehouse.close()


@pytest.fixture(scope="session")
def chdb_engine() -> Iterator[None]:
    """Keep the engine of this process up: chdb allows one data path, so each test gets a database of its own."""
    keeper = ClickHouseWarehouse(ClickHouseSettings(interface="chdb", database="keeper"))
    yield
    keeper.close()


@pytest.fixture
def clickhouse(chdb_engine: None) -> Iterator[ClickHouseWarehouse]:
    """A fresh ClickHouse database without any table."""
    warehouse = ClickHouseWarehouse(ClickHouseSettings(interface="chdb", database=f"test_{uuid.uuid4().hex}"))
    yield warehouse
    warehouse.backend.con.command(f"DROP DATABASE {warehouse.backend.con.database}")
    warehouse.close()


@pytest.fixture(params=["ducklake", "clickhouse"])
def any_wh(request: pytest.FixtureRequest) -> Warehouse:
    """A fresh, migrated warehouse of each engine."""
    warehouse: Warehouse = request.getfixturevalue("wh" if request.param == "ducklake" else "clickhouse")
    warehouse.migrate()
    return warehouse


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of the real data sets, which lie beside the project and never in it."""
    folder = Path(os.environ.get("TRENDDROP_REAL_DATA", "../shared/data"))
    if not folder.is_dir():
        pytest.skip(f"real data sets not found at {folder}; set TRENDDROP_REAL_DATA")
    return folder.resolve()
