"""The simulator as the command line and the demo call it."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trenddrop.core.progress import SILENT, Progress
from trenddrop.core.settings import find_config, parse_config, read_yaml
from trenddrop.sources.simulation import SimulationConfig, simulate


def simulate_into(
    out: Path, config: str = "simulation", *, changes: Mapping[str, Any], progress: Progress = SILENT
) -> dict[str, Any]:
    """Simulate into ``out``; ``changes`` win over the config file, ``records_per_day`` scales the world."""
    path = find_config(".", config)
    wanted = dict(changes)
    records_per_day = wanted.pop("records_per_day", None)
    world = parse_config(SimulationConfig, read_yaml(path) | wanted, origin=str(path))
    if records_per_day is not None:
        world = world.scaled(records_per_day)
    return {"out": str(out)} | asdict(simulate(world, out, progress=progress))
