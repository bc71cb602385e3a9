"""A drift that is planted under a serving model leads to a proposal, the sensor's request and a retraining."""

from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from dagster._core.definitions.sensor_definition import SensorExecutionData
from pipelines.scheduler.build import definitions
from pipelines.scheduler.config import SchedulerConfig, load_scheduler

from trenddrop.core.settings import parse_config
from trenddrop.flow import Workspace, open_workspace
from trenddrop.flow.drift import check_drift, drift_document, open_proposal, proposals_of, retrain
from trenddrop.flow.stages import FEATURES, label_named

RULES = """
window_h: 48
minimum_records: 30
features: {psi: 1.5, share: 0.5} # a small world wanders
scores: {psi: 50.0}
outcomes: {rate_ratio: 50.0}
"""


@pytest.fixture
def workspace(ran, tmp_path):
    configs = tmp_path / "configs"
    configs.mkdir()
    (configs / "drift.yaml").write_text(RULES)
    settings = ran.copy(tmp_path / "home").model_copy(update={"configs": configs})
    (settings.home / "settings.yaml").write_text(f"configs: {configs}\nthreads: 2\n")
    with open_workspace(settings) as opened:
        yield opened


def plant_drift(workspace: Workspace) -> None:
    """Move every feature of the newest 48 hours far away."""
    features = workspace.warehouse.table("hashtag_features").to_polars()
    newest = features.filter(pl.col("feature_timestamp") > pl.col("feature_timestamp").max() - pl.duration(hours=48))
    floats = [name for name in FEATURES if newest.schema[name] == pl.Float64]
    moved = newest.with_columns(pl.col(floats) * -50.0 + 1000.0)
    workspace.warehouse.delete("hashtag_features", newest.select("hashtag_id", "feature_timestamp"))
    workspace.warehouse.append("hashtag_features", moved)


def sensor_tick(workspace: Workspace, *recipes: Path) -> SensorExecutionData:
    platforms = [{"platform": "tiktok", "label": "growth_multiple", "model": str(recipe)} for recipe in recipes]
    plan = load_scheduler().model_dump() | {"platforms": platforms}
    defs = definitions(workspace.settings, parse_config(SchedulerConfig, plan, origin="test"))
    sensor = defs.resolve_sensor_def("retraining_sensor")
    with dg.build_sensor_context(repository_def=defs.get_repository_def(), resources=defs.resources) as context:
        return sensor.evaluate_tick(context)


def test_planted_drift_is_proposed_asked_for_and_answered(workspace, world):
    definition, recipe = label_named(workspace, "growth_multiple"), str(world.recipe)
    calm = check_drift(workspace, definition, "tiktok", spec_name=recipe)
    assert {one.kind for one in calm.measures} == {"feature", "score", "outcome", "residual"}
    assert calm.reasons == ()
    assert open_proposal(workspace, definition, "tiktok", spec_name=recipe) is None
    assert sensor_tick(workspace, world.recipe).run_requests == []
    idle = retrain(workspace, definition, "tiktok", spec_name=recipe, only_if_proposed=True)
    assert idle.document() == {"is_retrained": False, "answers": None}

    plant_drift(workspace)
    found = check_drift(workspace, definition, "tiktok", spec_name=recipe)
    assert found.proposal_id == calm.proposal_id  # the same model at the same hour: the row is replaced
    assert "features have moved" in found.reasons[0]
    assert drift_document(found)["is_proposed"]
    (row,) = proposals_of(workspace).to_dicts()
    assert (row["model_version"], row["is_proposed"]) == ("1", True)
    (request,) = sensor_tick(workspace, world.recipe).run_requests
    assert request.run_key == row["proposal_id"]
    assert request.run_config == {"ops": {"retraining": {"config": {"models": [row["model_name"]]}}}}
    done = retrain(workspace, definition, "tiktok", spec_name=recipe, only_if_proposed=True).document()
    assert (done["is_retrained"], done["answers"]) == (True, row["proposal_id"])


def test_a_broken_recipe_is_told_and_keeps_no_other_proposal_waiting(workspace, world, tmp_path, capfd):
    broken = tmp_path / "broken.yaml"
    broken.write_text("horizons: [5]")
    assert f"tiktok: {broken}: " in sensor_tick(workspace, broken).skip_message
    plant_drift(workspace)
    found = check_drift(workspace, label_named(workspace, "growth_multiple"), "tiktok", spec_name=str(world.recipe))
    capfd.readouterr()
    (request,) = sensor_tick(workspace, broken, world.recipe).run_requests
    assert request.run_key == found.proposal_id
    assert f"tiktok: {broken}: " in capfd.readouterr().err


def test_a_model_without_newer_hours_is_not_judged(workspace, world, ran):
    (workspace.settings.configs / "drift.yaml").write_text("minimum_window_h: 500\n")
    definition = label_named(workspace, "growth_multiple")
    assert check_drift(workspace, definition, "tiktok", spec_name=str(world.recipe)) is None
    assert proposals_of(workspace).is_empty()
    assert not drift_document(None)["is_judged"]
