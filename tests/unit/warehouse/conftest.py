"""One warehouse of each engine per module."""

import shutil
from collections.abc import Iterator

import pytest

from trenddrop.core.settings import Settings
from trenddrop.warehouse import Warehouse, open_warehouse


@pytest.fixture(scope="module", params=["ducklake", "clickhouse"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """One migrated warehouse of each engine for the tests of a module, which drop the tables that they create."""
    if request.param == "clickhouse":
        with request.getfixturevalue("migrated_database")() as warehouse:
            yield warehouse
        return
    home = tmp_path_factory.mktemp("store") / "home"
    shutil.copytree(request.getfixturevalue("migrated_home"), home, symlinks=True)
    lake = open_warehouse(Settings(home=home, threads=2))
    yield lake
    lake.close()
