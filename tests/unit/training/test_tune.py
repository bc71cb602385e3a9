import json
from datetime import timedelta

import optuna
import polars as pl
import pytest
import yaml

from trenddrop.core.errors import InputError
from trenddrop.modeling.spec import ModelSpec, Range, Tuning
from trenddrop.training.split import default_test_from
from trenddrop.training.tune import Effort, recipe_text, tune

optuna.logging.set_verbosity(optuna.logging.WARNING)
SPACE = {
    "kind": ("per_horizon", "hazard"),
    "num_leaves": Range(low=2, high=15),
    "learning_rate": Range(low=0.01, high=0.3, log=True),
}


@pytest.fixture(scope="module")
def recipe(spec):
    return spec.model_copy(update={"tuning": Tuning(space=SPACE), "horizons": (6, 12)})


@pytest.fixture(scope="module")
def rows(frame):
    return frame.filter(pl.col("hashtag_id") < "tiktok:t10")


def search(rows, recipe, *, study=None, test_from=None, trials=3, **effort):
    return tune(
        rows,
        recipe,
        features=("heat", "views_1h"),
        study=study or optuna.create_study(direction="maximize"),
        effort=Effort(trials, **effort),
        test_from=test_from,
    )


@pytest.fixture(scope="module")
def result(rows, recipe):
    return search(rows, recipe)


def test_the_given_recipe_is_tried_first_and_stays_unless_another_is_better(result, recipe):
    first = result.trials[0].params
    assert first["kind"] == recipe.kind
    assert first["num_leaves"] == recipe.params["num_leaves"]
    assert result.best.value == max(one.value for one in result.trials) >= result.trials[0].value
    assert {**recipe.params, "num_leaves": result.best.params["num_leaves"]}.keys() == result.spec.params.keys()


def test_no_row_of_the_test_period_is_read(rows, recipe, result):
    start = default_test_from(rows["event_timestamp"])
    lied = rows.with_columns(
        pl.when(pl.col("event_timestamp") >= start).then(~pl.col(name)).otherwise(name).alias(name)
        for name in ("is_viral_6h", "is_viral_12h")
    ).with_columns(heat=pl.when(pl.col("event_timestamp") >= start).then(0.0).otherwise("heat"))
    assert [one.value for one in search(lied, recipe).trials] == [one.value for one in result.trials]
    assert result.inner_from < result.test_from == start


@pytest.fixture
def storage(tmp_path):
    return optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(tmp_path / "study.log")))


def test_an_interrupted_search_goes_on_as_if_it_had_not_been(rows, recipe, result, storage):
    study = optuna.create_study(study_name="s", storage=storage, direction="maximize")
    search(rows, recipe, study=study, trials=1)
    study.ask()  # killed within this one
    again = optuna.load_study(study_name="s", storage=storage)
    assert search(rows, recipe, study=again).as_dict() == result.as_dict()


def killed(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize("step", ["ask", "tell"])
def test_a_search_killed_in_its_first_trial_still_tries_the_given_recipe_first(
    step, rows, recipe, result, storage, monkeypatch
):
    study = optuna.create_study(study_name="s", storage=storage, direction="maximize")
    study.tell(study.ask(), state=optuna.trial.TrialState.FAIL)
    monkeypatch.setattr(study, step, killed)
    with pytest.raises(KeyboardInterrupt):
        search(rows, recipe, study=study)
    again = search(rows, recipe, study=optuna.load_study(study_name="s", storage=storage))
    assert again.as_dict() == result.as_dict()
    assert recipe_text(again) == recipe_text(result)


def test_time_that_is_up_ends_it_after_the_first_trial(rows, recipe):
    seconds = iter(range(0, 1000, 100))
    result = search(rows, recipe, trials=5, timeout=timedelta(seconds=150), clock=lambda: next(seconds))
    assert len(result.trials) == 2


def test_the_recipe_that_it_writes_is_one(result):
    text = recipe_text(result)
    assert text.startswith("# Found by 'trenddrop tune'")
    assert ModelSpec.model_validate(yaml.safe_load(text)) == result.spec
    json.dumps(result.as_dict())


def test_a_period_without_both_outcomes_is_refused_in_one_line(rows, recipe):
    with pytest.raises(InputError, match="outcomes at 6 h before .* are all alike"):
        search(rows.with_columns(is_viral_6h=pl.lit(False)), recipe)
    with pytest.raises(InputError, match="no row before"):
        search(rows, recipe, test_from=rows["event_timestamp"][0])


def test_a_range_that_does_not_rise_is_refused():
    with pytest.raises(ValueError, match="low must be below high"):
        Range(low=3, high=3)
    with pytest.raises(ValueError, match="above 0"):
        Range(low=0, high=3, log=True)
