import logging
import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import polars as pl
import pytest

from trenddrop.adapters.mlflow import MlflowStore
from trenddrop.core.errors import EngineError, NotFoundError
from trenddrop.core.settings import Settings
from trenddrop.modeling import fingerprint, fit, predict
from trenddrop.registry import find_champion
from trenddrop.training import RunRecord

NAME = "viral-tiktok-viral_v1"


NEW_STORE = """
import os, sys, pathlib
from trenddrop.adapters.mlflow import MlflowStore
from trenddrop.core.settings import Settings
print("mlflow", "mlflow" in sys.modules, "telemetry", "MLFLOW_DISABLE_TELEMETRY" in os.environ)
MlflowStore(Settings(home=pathlib.Path(sys.argv[1]))).versions("x")
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("mlflow") / "home"


@pytest.fixture(scope="module")
def made(home):
    """A process of its own creates the database, so that all it prints is seen."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW")}
    command = [sys.executable, "-c", NEW_STORE, str(home)]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment)


@pytest.fixture(scope="module")
def store(home, made):
    return MlflowStore(Settings(home=home))


@pytest.fixture(scope="module")
def record(model, frame):
    return RunRecord(
        model_name=NAME,
        params={"config_hash": "abc", "commit": "c0ffee", "snapshot_id": "41"},
        metrics={"average_precision_6h": 0.25},
        documents={"model_card.md": "# card"},
        plots={"reliability.png": b"\x89PNG"},
        model=model,
        example=frame.select(model.features).head(3),
    )


@pytest.fixture(scope="module")
def logged(store, record):
    return store.log(record)


def test_a_run_keeps_params_metrics_card_plots_and_model(store, logged, home):
    run = store._client.get_run(logged.run_id)
    assert run.data.params["snapshot_id"] == "41"
    assert run.data.metrics == {"average_precision_6h": 0.25}
    assert run.info.status == "FINISHED"
    artifacts = home / "mlartifacts" / logged.run_id / "artifacts"
    assert (artifacts / "model_card.md").read_text() == "# card"
    assert (artifacts / "plots" / "reliability.png").read_bytes() == b"\x89PNG"
    assert {"MLmodel", "input_example.json", "requirements.txt"} <= {
        path.name for path in (artifacts / "model").iterdir()
    }
    assert not [path for path in artifacts.rglob("*.pkl")]


def test_everything_lies_below_the_home(logged, home):
    assert sorted(path.name for path in home.iterdir()) == ["mlartifacts", "mlflow.db", "tmp"]
    assert not list((home / "tmp").iterdir())


def test_the_version_loads_back_and_predicts_alike(store, logged, model, frame):
    loaded = store.load(NAME, logged.model_version)
    assert predict(loaded, frame.head(50)).equals(predict(model, frame.head(50)))


def test_the_same_model_logged_again_keeps_its_version(store, record, logged):
    again = store.log(record)
    assert again.model_version == logged.model_version
    assert again.run_id != logged.run_id
    assert [one.fingerprint for one in store.versions(NAME)].count(fingerprint(record.model)) == 1


def test_another_model_is_the_next_version_and_aliases_move(store, record, logged, frame, spec, features):
    other = fit(frame, spec.model_copy(update={"seed": 7}), features=features)
    values = {name: getattr(record, name) for name in RunRecord.__dataclass_fields__} | {"model": other}
    newer = store.log(RunRecord(**values))
    assert int(newer.model_version) == int(logged.model_version) + 1
    assert find_champion(store, NAME) is None
    store.point(NAME, "champion", logged.model_version)
    store.point(NAME, "challenger", newer.model_version)
    assert fingerprint(find_champion(store, NAME)) == fingerprint(record.model)
    store.point(NAME, "champion", newer.model_version)
    assert fingerprint(find_champion(store, NAME)) == fingerprint(other)
    assert store.aliased(NAME, "challenger").version == newer.model_version
    store.point(NAME, "challenger", logged.model_version)
    store.tag(NAME, logged.model_version, "trenddrop.note", "first")
    assert [one.aliases for one in store.versions(NAME)] == [("challenger",), ("champion",)]
    assert store.versions(NAME)[0].tags["trenddrop.note"] == "first"
    assert store.names() == [NAME]


def test_what_is_not_there_is_none_or_named(store, logged):
    assert store.aliased("nobody", "champion") is None
    assert store.versions("nobody") == []
    with pytest.raises(NotFoundError, match="no version 99; known: 1"):
        store.load(NAME, "99")
    with pytest.raises(EngineError, match="mlflow at sqlite"):
        store.point("nobody", "champion", "1")


def test_the_pyfunc_answers_what_predict_answers_and_every_feature_may_be_missing(store, logged, model, frame):
    folder = store._client.get_model_version(NAME, logged.model_version).source
    pyfunc = store._mlflow.pyfunc.load_model(folder)
    rows = frame.select(model.features).head(4).cast(pl.Float64).with_columns(heat=pl.lit(None, pl.Float64))
    answer = pl.from_pandas(pyfunc.predict(rows.to_pandas()))
    assert answer.equals(predict(model, rows))
    assert [column.name for column in pyfunc.metadata.signature.outputs] == ["probability_6h", "probability_12h"]


def test_another_process_finds_the_database_and_does_not_recreate_it(store, logged, home):
    before = (home / "mlflow.db").stat().st_ino
    assert MlflowStore(Settings(home=home)).versions(NAME)
    assert (home / "mlflow.db").stat().st_ino == before
    with closing(sqlite3.connect(home / "mlflow.db")) as database:
        assert database.execute("select count(*) from runs").fetchone()[0] >= 1


def test_log_levels_and_environment_are_left_as_they_were(store, record):
    before = {name: value for name, value in os.environ.items() if name != "MLFLOW_DISABLE_TELEMETRY"}
    level = logging.getLogger("mlflow").level
    store.versions(NAME)
    assert {name: value for name, value in os.environ.items() if name in before} == before
    assert logging.getLogger("mlflow").level == level
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_making_a_store_is_silent_and_importing_the_adapter_starts_nothing(made):
    assert made.stderr == ""
    assert made.stdout.split() == ["mlflow", "False", "telemetry", "False"]
