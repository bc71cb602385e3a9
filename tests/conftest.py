"""Fixtures that several test packages use: fresh warehouses and the real data sets."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from trenddrop.core.settings import Settings
from trenddrop.warehouse import Warehouse, open_warehouse


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
def real_data() -> Path:
    """The folder of the real data sets, which lie beside the project and never in it."""
    folder = Path(os.environ.get("TRENDDROP_REAL_DATA", "../shared/data"))
    if not folder.is_dir():
        pytest.skip(f"real data sets not found at {folder}; set TRENDDROP_REAL_DATA")
    return folder.resolve()
