"""The search on a workspace; what rows it is given is the business of the training frame."""

import json
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from trenddrop.adapters.mlflow import MlflowStore
from trenddrop.flow import open_workspace, tuning
from trenddrop.labels import load_label
from trenddrop.modeling import load_spec
from trenddrop.modeling.spec import Range, Tuning
from trenddrop.training.tune import Effort


@pytest.fixture
def workspace(settings, frame, spec, monkeypatch):
    small = spec.model_copy(
        update={"tuning": Tuning(space={"num_leaves": Range(low=2, high=15)}), "horizons": (6,), "words": None}
    )
    monkeypatch.setattr(tuning, "training_frame", lambda *_: (frame.drop("is_viral_12h"), None))
    monkeypatch.setattr(tuning, "spec_for", lambda *_: small)
    monkeypatch.setattr(tuning, "usable_features", lambda _: ["heat", "views_1h"])
    with open_workspace(settings) as ws:
        yield ws


@pytest.mark.parametrize(
    "change",
    [
        {"is_viral_6h": pl.col("is_viral_6h") ^ (pl.col("hashtag_id") == "tiktok:t03")},
        {"event_timestamp": pl.col("event_timestamp") - pl.duration(hours=1)},
    ],
    ids=["outcomes", "moments"],
)
def test_a_search_on_other_outcomes_or_moments_begins_anew(workspace, frame, monkeypatch, change):
    search(workspace, 1)
    monkeypatch.setattr(tuning, "training_frame", lambda *_: (frame.drop("is_viral_12h").with_columns(**change), None))
    search(workspace, 1)
    assert len(list((workspace.settings.home / "tuning").glob("*.log"))) == 2


def search(workspace, trials):
    definition = load_label("viral_v1")
    return tuning.tune_model(
        workspace, definition, "tiktok", effort=Effort(trials, timeout=timedelta(minutes=5)), test_from=None
    )


def test_a_search_keeps_its_trials_and_writes_a_recipe_that_loads(workspace):
    first = search(workspace, 2)
    again = search(workspace, 3)
    assert again["trials"][:2] == first["trials"]
    assert len(again["trials"]) == 3
    path = Path(again["recipe"])
    assert path.is_relative_to(workspace.settings.home)
    recipe = load_spec(str(path))
    assert recipe.params["num_leaves"] == again["best"]["params"]["num_leaves"]

    store = MlflowStore(workspace.settings)
    assert json.loads(store.document(again["run_id"], "search.json"))["best"] == again["best"]
    runs = store._client.search_runs([store._client.get_experiment_by_name("trenddrop").experiment_id])
    below = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == again["run_id"]]
    assert sorted(run.data.metrics["value"] for run in below) == sorted(one["value"] for one in again["trials"])
