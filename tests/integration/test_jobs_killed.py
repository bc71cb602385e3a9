"""A job that is killed at random moments and started again ends with the tables of an undisturbed flow.

``TRENDDROP_KILLS=20 TRENDDROP_KILL_SEED=7 pytest tests/integration/test_jobs_killed.py`` kills each job more often.
"""

import json
import os
import random
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from trenddrop.core.settings import Settings
from trenddrop.schemas import TABLES, raw_data
from trenddrop.warehouse import Warehouse, open_warehouse

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("TRENDDROP_KILLS", "1"))
SEED = int(os.environ.get("TRENDDROP_KILL_SEED", "20261121"))
RAW = raw_data("tiktok")
FEATURES = ("hashtag_features", "creator_features", "video_features", "sound_features")
RUNS = {"processing_latency", "retraining_proposals"}  # say what ran, not what the data are
TAKEN = ("hashtag_observations", "video_observations", "creator_observations", "sound_observations")
ENTITIES = ("hashtags", "videos", "creators", "sounds", "trend_topics", "hashtag_metrics", "ingestion_batches")


@dataclass(frozen=True)
class Job:
    """A plain command, its config, the tables that it makes, and the longest time until it is killed."""

    config: str
    makes: tuple[str, ...]
    within_s: float = 5.0


JOBS = {
    "ingest": Job("{{source: tiktok_records, folder: '{folder}', files: 'records-*'}}", (*TAKEN, *ENTITIES, RAW.name)),
    "build_features": Job(
        "{{platform: tiktok, start: 2026-01-01T00:00:00Z}}", (*FEATURES, "feature_quality", "feature_definitions")
    ),
    "build_labels": Job("{{platform: tiktok, label: growth_multiple}}", ("viral_labels", "label_constants"), 3.0),
    "predict": Job("{{platform: tiktok, label: growth_multiple, model: '{recipe}'}}", ("predictions",)),
}


@pytest.mark.parametrize("name", list(JOBS))
def test_a_killed_job_started_again_ends_as_an_undisturbed_one(name, ran, world, trenddrop, migrated_home, tmp_path):
    job, home = JOBS[name], tmp_path / "home"
    config = tmp_path / f"{name}.yaml"
    config.write_text(job.config.format(folder=world.files[0].parent, recipe=world.recipe), encoding="utf-8")
    if name == "ingest":
        home = migrated_home_copy(migrated_home, home)
    else:
        emptied(ran.copy(home), job.makes)
    command = [sys.executable, "-m", f"pipelines.{name}", str(config)]
    environment = dict(trenddrop.environment) | {"TRENDDROP_HOME": str(home)}
    rng = random.Random(SEED)
    for _ in range(KILLS):
        with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as process:
            time.sleep(rng.uniform(1.0, job.within_s))
            process.kill()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["seconds"]
    with (
        closing(open_warehouse(Settings(home=home, threads=1))) as found,
        closing(open_warehouse(Settings(home=ran.home, threads=1))) as expected,
    ):
        compared = job.makes if name == "ingest" else set(TABLES) - RUNS
        different = [table for table in compared if rows(found, table) != rows(expected, table)]
        assert any(rows(expected, table) for table in job.makes)
        assert rows(found, "processing_latency")
    assert not different


def migrated_home_copy(migrated: Path, home: Path) -> Path:
    """Return a home without any record."""
    subprocess.run(["cp", "-a", str(migrated), str(home)], check=True)
    return home


def emptied(settings: Settings, tables: tuple[str, ...]) -> None:
    """Delete what the job makes (of the predictions, those that were issued live)."""
    with closing(open_warehouse(settings)) as warehouse:
        for name in tables:
            table = warehouse.table(name)
            kept = table.filter(~table.is_backtest) if name == "predictions" else table
            warehouse.delete(name, kept.select(*TABLES[name].key).to_polars())


def rows(warehouse: Warehouse, name: str) -> list[str]:
    """Return the rows as sorted texts, without the columns that hold the time of the run."""
    schema = TABLES.get(name, RAW)
    table = warehouse.table(name).drop(*schema.clock_columns).to_pyarrow().to_pylist()
    return sorted(repr(sorted(row.items())) for row in table)
