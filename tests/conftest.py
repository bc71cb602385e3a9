"""Fixtures that several test packages use: fresh warehouses and the real data sets."""

import gc
import os
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import pytest

from trenddrop.cli.app import COLLECTION
from trenddrop.core.settings import ClickHouseSettings, Settings
from trenddrop.warehouse import Warehouse, open_warehouse
from trenddrop.warehouse.clickhouse import ClickHouseWarehouse

OpenDatabase = Callable[[], AbstractContextManager[ClickHouseWarehouse]]
BACKUP = "Memory('migrated')"

gc.set_threshold(*COLLECTION)  # as the command does

collect_ignore = ["benchmarks"]  # scripts that find one another beside them


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
    with database() as warehouse:
        yield warehouse


@pytest.fixture(scope="session")
def migrated_database(chdb_engine: None) -> Iterator[OpenDatabase]:
    """Open a database with empty tables from a backup, which takes a seventh of the time to migrate."""
    with database() as template:
        template.migrate()
        template.release()
        template.backend.con.command(f"BACKUP DATABASE {template.backend.con.database} TO {BACKUP}")
        yield partial(database, template)  # the backup lives as long as the connection


@pytest.fixture
def migrated_clickhouse(migrated_database: OpenDatabase) -> Iterator[ClickHouseWarehouse]:
    """A fresh ClickHouse database with empty tables."""
    with migrated_database() as warehouse:
        yield warehouse


@contextmanager
def database(template: ClickHouseWarehouse | None = None) -> Iterator[ClickHouseWarehouse]:
    """Open a database with a name of its own, without a table or with those of the template, and drop it afterwards."""
    name = f"test_{uuid.uuid4().hex}"
    if template is not None:
        con = template.backend.con
        con.command(f"RESTORE DATABASE {con.database} AS {name} FROM {BACKUP}")
    warehouse = ClickHouseWarehouse(ClickHouseSettings(interface="chdb", database=name))
    yield warehouse
    warehouse.backend.con.command(f"DROP DATABASE {name}")
    warehouse.close()


@pytest.fixture(params=["ducklake", "clickhouse"])
def any_wh(request: pytest.FixtureRequest) -> Warehouse:
    """A fresh, migrated warehouse of each engine."""
    warehouse: Warehouse = request.getfixturevalue("wh" if request.param == "ducklake" else "migrated_clickhouse")
    assert warehouse.migrate() == []
    return warehouse


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a redis-server of this test run, which keeps nothing on disk."""
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("redis-server is not installed; on Debian: apt-get install redis-server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    folder = tmp_path_factory.mktemp("redis")
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([binary, *options, "--dir", str(folder)], stdout=log, stderr=log)
        try:
            _wait_for(port, server)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()
            server.wait()


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + 10
    while server.poll() is None and time.monotonic() < give_up:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"redis-server on port {port} did not start; exit code {server.poll()}")


@pytest.fixture
def redis_url(redis_server: str) -> Iterator[str]:
    """The URL of an empty Redis."""
    import redis

    yield redis_server
    with redis.Redis.from_url(redis_server) as client:
        client.flushall()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of the real data sets, which lie beside the project and never in it."""
    folder = Path(os.environ.get("TRENDDROP_REAL_DATA", "../shared/data"))
    if not folder.is_dir():
        pytest.skip(f"real data sets not found at {folder}; set TRENDDROP_REAL_DATA")
    return folder.resolve()
