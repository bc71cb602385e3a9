"""From a run to the registry: what is wrong with the data holds a model back, and a champion can be taken back."""

from datetime import UTC, datetime

import pytest

from trenddrop.adapters.mlflow import MlflowStore
from trenddrop.core.errors import NotFoundError
from trenddrop.flow import Workspace, open_workspace
from trenddrop.flow.models import history_of, model_table, roll_back_model
from trenddrop.flow.stages import label_named
from trenddrop.flow.training import predict_now, train_model

MODEL = "tiny-tiktok-growth_multiple"


def versions_scored(workspace: Workspace) -> set[str]:
    predictions = workspace.warehouse.table("predictions")
    return set(predictions.filter(~predictions.is_backtest).to_polars()["model_version"])


def test_alerts_hold_a_challenger_back_and_a_champion_is_taken_back(world, ran, tmp_path):
    recipe = world.recipe.read_text(encoding="utf-8")
    test_from = datetime.fromisoformat(world.test_from).replace(tzinfo=UTC)

    def train(workspace: Workspace, seed: int, gate: str):
        path = tmp_path / f"recipe_{seed}.yaml"
        text = recipe.replace("gate: {", f"gate: {{champion_ratio_above: 0.0, {gate}, ") + f"seed: {seed}\n"
        path.write_text(text.replace("min_data_in_leaf: 10", f"min_data_in_leaf: {10 + seed}"), encoding="utf-8")
        definition = label_named(workspace, "growth_multiple")
        return train_model(workspace, definition, "tiktok", spec_name=str(path), test_from=test_from)

    with open_workspace(ran.copy(tmp_path / "home")) as workspace:
        assert ran.result.trained.decision.promoted
        refused = train(workspace, 1, "no_alert_from: medium")
        assert not refused.decision.promoted
        assert refused.decision.reasons[0].startswith("medium quality alert: hashtag_features.")
        assert "feature_quality" not in {stage.name for stage in workspace.stages}  # the run has evaluated this hour
        promoted = train(workspace, 2, "no_alert_from: critical")
        assert promoted.decision.promoted

        definition = label_named(workspace, "growth_multiple")
        assert versions_scored(workspace) == {"1"}
        predict_now(workspace, definition, "tiktok", spec_name=str(world.recipe))
        assert versions_scored(workspace) == {"1", "3"}
        done = roll_back_model(workspace, why="a test")
        assert (done.name, done.champion, done.before) == (MODEL, "1", "3")
        issued = workspace.warehouse.snapshot_id()
        predict_now(workspace, definition, "tiktok", spec_name=str(world.recipe))
        newest = workspace.warehouse.table("predictions").to_polars().sort("created_timestamp")["model_version"][-1]
        assert newest == "1"
        assert workspace.warehouse.snapshot_id() != issued
        assert not roll_back_model(workspace).is_changed

        events = history_of(workspace)[1]
        assert [(event.kind, event.version) for event in events] == [
            ("promotion", "1"),
            ("promotion", "3"),
            ("rollback", "1"),
        ]
        assert events[-1].why == "a test"
        table = model_table(workspace, MODEL)
        assert table.select("version", "is_active", "aliases").rows() == [
            ("1", True, ["champion"]),
            ("2", False, []),
            ("3", False, ["challenger"]),
        ]
        assert '"average_precision_6h"' in table["performance_metrics"][0]
        assert '"recipe"' in table["config"][0]
        assert f'"snapshot_id": "{promoted.snapshot_id}"' in table["training_data_info"][2]


def test_a_stale_evaluation_is_renewed_before_a_model_is_judged(world, ran, tmp_path):
    with open_workspace(ran.copy(tmp_path / "home")) as workspace:
        quality = workspace.warehouse.table("feature_quality")
        workspace.warehouse.delete("feature_quality", quality.select("id").to_polars())
        definition = label_named(workspace, "growth_multiple")
        train_model(workspace, definition, "tiktok", spec_name=str(world.recipe))
        assert "feature_quality" in {stage.name for stage in workspace.stages}


def test_a_home_without_models_says_how_to_make_one(settings):
    with open_workspace(settings) as workspace:
        assert model_table(workspace).is_empty()
        with pytest.raises(NotFoundError, match="none is registered yet; run 'trenddrop train'"):
            roll_back_model(workspace)
        assert MlflowStore(settings).names() == []


def test_the_command_lists_models_and_takes_back_no_more_than_there_is(ran, trenddrop, tmp_path):
    home = ran.copy(tmp_path / "home").home
    (row,) = trenddrop.run("models", "list", home=home)["models"]
    assert (row["name"], row["version"], row["is_active"]) == (MODEL, "1", True)
    assert row["config"]["recipe"]["name"] == "tiny"
    with trenddrop.start("models", "rollback", home=home) as process:
        out, err = process.communicate()
    assert (process.returncode, out) == (2, "")
    assert "nothing to go back to" in err
