"""Fixtures that several test packages use: fresh warehouses and the real data sets."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from trenddrop.core.settings import Settings
from trenddrop.warehouse import Warehouse, open_warehouse


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", threads=2)


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
