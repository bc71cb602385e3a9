"""Every job is a plain command with a config that it accepts."""

import importlib
import inspect

import pytest

from trenddrop.core.settings import Config, configs_folder, parse_config, read_yaml

JOBS = sorted(path.stem for path in (configs_folder() / "jobs").glob("*.yaml"))
COMMANDS = [name for name in JOBS if name != "scheduler"]


def test_there_is_a_job_for_every_stage():
    assert {"ingest", "build_features", "build_labels", "train", "retrain", "predict", "check_drift"} <= set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_built_in_config_fits_the_job(name):
    module = importlib.import_module(f"pipelines.{name}")
    kinds = [one for _, one in inspect.getmembers(module, inspect.isclass) if one.__module__ == module.__name__]
    (kind,) = [one for one in kinds if issubclass(one, Config)]
    assert parse_config(kind, read_yaml(configs_folder() / "jobs" / f"{name}.yaml"), origin=name)
