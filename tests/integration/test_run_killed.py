"""A run that is killed again and again, and then left alone, ends where an undisturbed run ends.

``TRENDDROP_KILLS=20 TRENDDROP_KILL_SEED=7 pytest tests/integration/test_run_killed.py`` kills it more often.
"""

import os
import random
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

from trenddrop.adapters.mlflow import MlflowStore
from trenddrop.core.settings import Settings
from trenddrop.flow import open_workspace
from trenddrop.flow.doctor import examine, is_well
from trenddrop.schemas import TABLES, raw_data
from trenddrop.warehouse import Warehouse, open_warehouse

KILLS = int(os.environ.get("TRENDDROP_KILLS", "1"))
SEED = int(os.environ.get("TRENDDROP_KILL_SEED", "20261120"))
RAW = raw_data("tiktok")
COUNTS = ("raw_records", "hashtags", "metric_rows", "feature_rows", "label_rows", "positives", "prediction_rows")


@pytest.mark.slow
def test_a_run_killed_at_random_moments_and_rerun_ends_as_an_undisturbed_one(ran, world, trenddrop, tmp_path: Path):
    killed, expected = tmp_path / "killed", ran.result.document
    works_s = sum(stage["seconds"] for stage in expected["stages"].values())
    rng = random.Random(SEED)
    shares = ((number + rng.random()) / KILLS for number in range(KILLS))  # rising, so that each stage meets its first
    for share in shares:
        kill_at_work(trenddrop, world, killed, after_s=share * works_s)
        require_whole_batches(killed)
    found = trenddrop.run(*world.run_arguments(), home=killed)
    require_nothing_that_piles_up(killed)

    counted = {name: found[name] for name in COUNTS}
    assert counted == {name: expected[name] for name in COUNTS}
    assert found["model"]["promoted"] == expected["model"]["promoted"] is True
    assert sum(found[name] for name in ("processed", "failed", "duplicates")) == expected["raw_records"]
    require_equal_tables(killed, ran.home)
    require_equal_registries(killed, ran.home, model=expected["model"]["name"])
    assert served(killed) == served(ran.home)
    with open_workspace(Settings(home=killed, threads=1)) as workspace:
        assert is_well(examine(workspace))


def kill_at_work(trenddrop, world, home: Path, *, after_s: float) -> None:
    """Start a run, wait until there is a home, which the first run makes, and kill it some seconds later."""
    with trenddrop.start(*world.run_arguments(), home=home) as process:
        while not home.exists() and process.poll() is None:
            time.sleep(0.02)
        time.sleep(after_s)
        process.kill()


def require_whole_batches(home: Path) -> None:
    """A batch that readers see has all of its raw records."""
    with closing(open_warehouse(Settings(home=home, threads=1))) as warehouse:
        if warehouse.has_table(RAW.name):
            batches = warehouse.table("ingestion_batches").select("batch_id", "total_records").to_polars()
            raw = warehouse.table(RAW.name).to_polars().group_by("batch_id").agg(total_records=pl.len())
            assert sorted(raw.iter_rows()) == sorted(batches.iter_rows())


def require_nothing_that_piles_up(home: Path) -> None:
    places = (home, home / "feast", *home.rglob("tmp"))
    store = {"feast/online.sqlite", "feast/registry.db", "feast/registry.lock", "feast/tmp"}
    kept = {"catalog.lock", "catalog.sqlite", "extensions", "feast", "lake", "mlartifacts", "mlflow.db", "tmp"}
    assert {path.relative_to(home).as_posix() for place in places for path in place.iterdir()} == kept | store


def require_equal_tables(home: Path, reference: Path) -> None:
    different = {}
    with (
        closing(open_warehouse(Settings(home=home, threads=1))) as warehouse,
        closing(open_warehouse(Settings(home=reference, threads=1))) as other,
    ):
        for name in (*TABLES, RAW.name):
            found, expected = table_rows(warehouse, name), table_rows(other, name)
            if found != expected:
                different[name] = (len(found), len(expected), sorted(set(found) ^ set(expected))[:4])
    assert not different


def table_rows(warehouse: Warehouse, name: str) -> list[str]:
    """Return the rows as sorted texts, without the columns that hold the time of the run."""
    schema = TABLES.get(name, RAW)
    rows = warehouse.table(name).drop(*schema.clock_columns).to_pyarrow().to_pylist()
    return sorted(repr(sorted(row.items())) for row in rows)


def require_equal_registries(home: Path, reference: Path, *, model: str) -> None:
    """One version, the same model, and both names point at it."""
    registry, other = (MlflowStore(Settings(home=folder)) for folder in (home, reference))
    (version,), (expected,) = registry.versions(model), other.versions(model)
    assert (version.version, version.fingerprint) == (expected.version, expected.fingerprint)
    for alias in ("champion", "challenger"):
        pointed = registry.aliased(model, alias)
        assert pointed is not None
        assert pointed.version == version.version
    assert registry.load(model, version.version).features == other.load(model, expected.version).features


def served(home: Path) -> dict[str, list[str]]:
    """Return the rows of the online store."""
    with closing(sqlite3.connect(home / "feast" / "online.sqlite")) as store:
        names = [name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {name: sorted(map(repr, store.execute(f'SELECT * FROM "{name}"'))) for name in names}
    assert any(rows.values())
    return rows
