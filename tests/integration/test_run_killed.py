"""A run that is killed again and again, and then left alone, ends where an undisturbed run ends."""

import os
import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from trenddrop.adapters.mlflow import MlflowStore
from trenddrop.core.settings import Settings
from trenddrop.warehouse import Warehouse, open_warehouse

KILLS = int(os.environ.get("TRENDDROP_KILLS", "3"))
SEED = int(os.environ.get("TRENDDROP_KILL_SEED", "20261120"))

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True)
class Killed:
    """A home after kills and one run to the end."""

    home: Path
    document: dict[str, Any]
    paths: frozenset[str]  # in the home and in the folders where things pile up, right after the run


@pytest.fixture(scope="module")
def killed(world, trenddrop, undisturbed, tmp_path_factory):
    """A home on which a run was killed at rising random moments, then finished."""
    home = tmp_path_factory.mktemp("killed") / "home"
    rng = random.Random(SEED)
    survivors = 0
    for moment in sorted(rng.uniform(undisturbed.home_made_s, undisturbed.seconds) for _ in range(KILLS)):
        with trenddrop.start(*world.run_arguments(), home=home) as process:
            time.sleep(moment)
            survivors += process.poll() is not None
            process.kill()
        if home.exists():
            require_whole_batches(home)
    print(f"{KILLS} kills with seed {SEED}, {survivors} of them after the end of the run")  # noqa: T201
    document = trenddrop.run(*world.run_arguments(), home=home)
    places = (home, home / "feast", *home.rglob("tmp"))
    paths = frozenset(path.relative_to(home).as_posix() for place in places for path in place.iterdir())
    return Killed(home, document, paths)


def require_whole_batches(home: Path) -> None:
    """A batch that readers see has all of its raw records."""
    warehouse = open_warehouse(Settings(home=home, threads=1))
    try:
        if warehouse.has_table("raw_tiktok_data"):
            batches = warehouse.table("ingestion_batches").select("batch_id", "total_records").to_polars()
            raw = warehouse.table("raw_tiktok_data").to_polars().group_by("batch_id").agg(total_records=pl.len())
            assert sorted(raw.iter_rows()) == sorted(batches.iter_rows())
    finally:
        warehouse.close()


@pytest.fixture(scope="module")
def both(killed, undisturbed):
    """The warehouses of the killed and of the undisturbed home."""
    warehouses = [open_warehouse(Settings(home=home, threads=1)) for home in (killed.home, undisturbed.home)]
    yield warehouses
    for warehouse in warehouses:
        warehouse.close()


def test_every_table_equals_that_of_an_undisturbed_run(
    both: list[Warehouse], table_names: tuple[str, ...], table_rows: Callable[[Warehouse, str], list[str]]
):
    different = {}
    for name in table_names:
        after_kills, undisturbed = (table_rows(warehouse, name) for warehouse in both)
        if after_kills != undisturbed:
            only = set(after_kills) ^ set(undisturbed)
            different[name] = (len(after_kills), len(undisturbed), sorted(only)[:4])
    assert not different


def test_the_last_run_says_what_the_undisturbed_one_said(killed, undisturbed):
    names = ("raw_records", "hashtags", "metric_rows", "feature_rows", "label_rows", "positives", "prediction_rows")
    assert {name: killed.document[name] for name in names} == {name: undisturbed.document[name] for name in names}
    assert killed.document["metrics"].keys() == undisturbed.document["metrics"].keys()
    counts = ("processed", "failed", "duplicates")
    assert sum(killed.document[name] for name in counts) == sum(undisturbed.document[name] for name in counts)


def test_the_registry_holds_one_version_and_both_names_point_at_it(killed, undisturbed):
    name = undisturbed.document["model"]["name"]
    assert killed.document["model"]["version"] == undisturbed.document["model"]["version"] == "1"
    store, reference = (MlflowStore(Settings(home=home)) for home in (killed.home, undisturbed.home))
    (version,), (expected,) = store.versions(name), reference.versions(name)
    assert version.fingerprint == expected.fingerprint
    for alias in ("champion", "challenger"):
        found = store.aliased(name, alias)
        assert found is not None
        assert found.version == "1"
    assert store.load(name, "1").features == reference.load(name, "1").features


def test_nothing_is_left_that_would_pile_up(killed):
    store = {"feast/online.sqlite", "feast/registry.db", "feast/registry.lock", "feast/tmp"}
    home = {"catalog.lock", "catalog.sqlite", "extensions", "feast", "lake", "mlartifacts", "mlflow.db", "tmp"}
    assert killed.paths == home | store


def test_the_online_store_serves_the_same(killed, undisturbed):
    def rows(home: Path) -> dict[str, list[str]]:
        with closing(sqlite3.connect(home / "feast" / "online.sqlite")) as store:
            names = [name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {name: sorted(map(repr, store.execute(f'SELECT * FROM "{name}"'))) for name in names}

    served = rows(killed.home)
    assert any(served.values())
    assert served == rows(undisturbed.home)


def test_the_doctor_finds_the_home_well(killed, trenddrop):
    assert trenddrop.run("doctor", home=killed.home)["is_well"]
