"""A world that is small enough to run the whole flow on it several times, and one undisturbed run of it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from trenddrop.schemas import TABLES, raw_data
from trenddrop.sources.simulation import SimulationConfig, simulate
from trenddrop.warehouse import Warehouse

SYSTEM = "tiktok"
WORDS = {
    "cooking": ("sourdough", "ramen", "pasta"),
    "fitness": ("yoga", "running", "abs"),
    "pets": ("puppy", "kitten", "parrot"),
    "dance": ("salsa", "ballet", "shuffle"),
}
RECIPE = """
name: tiny
horizons: [6, 12]
min_positives: 5
params: {learning_rate: 0.2, num_leaves: 4, min_data_in_leaf: 10}
rounds: {maximum: 5, early_stopping: 3}
calibration: {method: platt}
split: {embargo_hours: 6}
baselines:
  - {name: prevalence, kind: constant}
  - {name: velocity_rank, kind: rank, columns: [velocity]}
bootstrap: {resamples: 20}
gate: {baseline_ratio_above: 0.0, ece_below: 1.0, min_positives: 1} # so that there is a champion
"""


@dataclass(frozen=True, slots=True)
class World:
    """What a run takes: the files and the recipe."""

    files: tuple[Path, ...]
    recipe: Path
    test_from: str = "2026-01-10"

    def run_arguments(self) -> list[str]:
        """Return the command line of the main job."""
        options = {"--source": "tiktok_records", "--model": str(self.recipe), "--test-from": self.test_from}
        inputs = [argument for path in self.files for argument in ("--input", str(path))]
        return ["run", *(word for option in options.items() for word in option), *inputs]


@dataclass(frozen=True, slots=True)
class Trenddrop:
    """The command line in a process of its own, with nothing from this process's environment."""

    environment: Mapping[str, str]

    def start(self, *arguments: str, home: Path) -> subprocess.Popen[str]:
        """Start a command and return its process."""
        code = "from trenddrop.cli import main; main()"
        command = [sys.executable, "-c", code, *arguments, "--home", str(home), "--json"]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(self.environment)
        )

    def run(self, *arguments: str, home: Path) -> dict[str, Any]:
        """Run a command to its end and return the JSON object that it prints."""
        with self.start(*arguments, home=home) as process:
            out, err = process.communicate()
        assert process.returncode == 0, err
        return dict(json.loads(out))


@dataclass(frozen=True, slots=True)
class Ran:
    """A home after a run, what the run said, and how it went in time."""

    home: Path
    document: dict[str, Any]
    home_made_s: float  # seconds after its start the run made its home
    seconds: float


@pytest.fixture(scope="session")
def trenddrop() -> Trenddrop:
    return Trenddrop({name: value for name, value in os.environ.items() if not name.startswith("TRENDDROP_")})


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("world")
    themes = {name: {"words": words, "openings": ["Making"], "details": ["at home"]} for name, words in WORDS.items()}
    sizes = {"days": 7, "hashtags": 12, "creators": 40, "sounds": 10, "videos_per_day": 10, "video_ages_h": (1, 12)}
    rates = {"reset_rate": 0.002, "late_rate": 0.02, "duplicate_rate": 0.02, "malformed_rate": 0.01}
    written = simulate(SimulationConfig.model_validate({"seed": 3, "themes": themes} | sizes | rates), folder / "raw")
    recipe = folder / "recipe.yaml"
    recipe.write_text(RECIPE, encoding="utf-8")
    return World(written.files, recipe)


@pytest.fixture(scope="session")
def undisturbed(world: World, trenddrop: Trenddrop, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    home = tmp_path_factory.mktemp("undisturbed") / "home"
    began = time.monotonic()
    with trenddrop.start(*world.run_arguments(), home=home) as process:
        while not home.exists() and process.poll() is None:
            time.sleep(0.02)
        home_made_s = time.monotonic() - began
        out, err = process.communicate()
    assert process.returncode == 0, err
    return Ran(home, json.loads(out), home_made_s, time.monotonic() - began)


@pytest.fixture(scope="session")
def table_rows() -> Callable[[Warehouse, str], list[str]]:
    """Read a table as sorted texts of its rows, without the columns that hold the time of the run."""

    def read(warehouse: Warehouse, name: str) -> list[str]:
        schema = TABLES.get(name) or raw_data(SYSTEM)
        rows = warehouse.table(name).drop(*schema.clock_columns).to_pyarrow().to_pylist()
        return sorted(repr(sorted(row.items())) for row in rows)

    return read


@pytest.fixture(scope="session")
def table_names() -> tuple[str, ...]:
    """Every table of a home that has taken in TikTok records."""
    return (*TABLES, raw_data(SYSTEM).name)
