"""A world that is small enough to run the whole flow on it several times."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from trenddrop.core.settings import Settings
from trenddrop.feature_store.store import load_feast
from trenddrop.flow import open_workspace
from trenddrop.flow.run import RunRequest, RunResult, run
from trenddrop.sources.simulation import SimulationConfig, simulate

load_feast()  # as a session does, before a test imports it with the type checks of its own

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


@pytest.fixture(scope="session")
def trenddrop() -> Trenddrop:
    return Trenddrop({name: value for name, value in os.environ.items() if not name.startswith("TRENDDROP_")})


@dataclass(frozen=True, slots=True)
class Ran:
    """A home after one run, and what the run did; a test that writes works in its own copy."""

    home: Path
    result: RunResult

    def copy(self, folder: Path) -> Settings:
        """Return the settings of a copy of the home; the models of the registry stay where they are."""
        shutil.copytree(self.home, folder, symlinks=True, dirs_exist_ok=True)
        return Settings(home=folder, threads=2)


@pytest.fixture(scope="session")
def ran(world: World, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    home = tmp_path_factory.mktemp("ran") / "home"
    test_from = datetime.fromisoformat(world.test_from).replace(tzinfo=UTC)
    request = RunRequest(source="tiktok_records", inputs=world.files, model=str(world.recipe), test_from=test_from)
    with open_workspace(Settings(home=home, threads=2)) as workspace:
        return Ran(home, run(workspace, request))


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
