"""What a model version reads stays what it was trained on; what a recipe predicts is what its label knows."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import yaml

from trenddrop.core.errors import InputError
from trenddrop.core.settings import Settings, config_folders
from trenddrop.flow import open_workspace
from trenddrop.flow.backtest import run_backtest
from trenddrop.flow.run import RunRequest, run
from trenddrop.flow.stages import FEATURE_SERVICE
from trenddrop.flow.training import label_document, service_of, spec_for, train_model
from trenddrop.labels import load_label
from trenddrop.registry import ModelVersion


@pytest.mark.parametrize(
    ("params", "service"), [({"feature_service": "an_older_one"}, "an_older_one"), ({}, FEATURE_SERVICE)]
)
def test_a_version_reads_the_service_that_its_run_recorded(params: dict[str, str], service: str):
    store = cast(Any, SimpleNamespace(params=lambda run_id: params if run_id == "run" else {"feature_service": "x"}))
    assert service_of(store, ModelVersion("viral", "3", "mark", "run")) == service


@pytest.mark.parametrize("name", sorted(path.stem for path in (config_folders(None)[0] / "labels").glob("*.yaml")))
def test_the_label_beside_a_model_card_is_the_one_that_was_learned(name: str, tmp_path: Path):
    path = tmp_path / "label.yaml"
    path.write_text(label_document(load_label(name)), encoding="utf-8")
    assert load_label(str(path)) == load_label(name)


def test_a_recipe_predicts_the_horizons_that_its_label_knows(settings: Settings):
    with open_workspace(settings) as workspace:
        assert spec_for(workspace, load_label("growth_multiple_daily")).horizons == (24, 48)


NONE_IN_COMMON = (
    r"recipe viral_lightgbm predicts 6, 12, 24, 48 h and label hourly knows 1, 3 h: none in common; "
    "add a horizon to one of them"
)


@pytest.mark.parametrize("job", [run, run_backtest, train_model])
def test_a_recipe_without_a_horizon_of_its_label_is_refused_before_any_work(job: Any, settings: Settings):
    definition = load_label("absolute").model_copy(update={"name": "hourly", "horizons": (1, 3)})
    settings = settings.model_copy(update={"configs": settings.home / "configs"})
    path = settings.configs / "labels" / "hourly.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump(definition.model_dump(mode="json")), encoding="utf-8")
    request = RunRequest(source="weibo_hot_search", inputs=(settings.home / "none.csv",), label="hourly")
    with open_workspace(settings) as workspace:
        with pytest.raises(InputError, match=NONE_IN_COMMON):
            job(workspace, *((definition, "weibo") if job is train_model else (request,)))
        assert workspace.stages == []
