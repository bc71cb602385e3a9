"""Runs and model versions in MLflow: SQLite and files below the home, or a tracking server.

MLflow is imported when an adapter is made and not before, because importing it starts its telemetry, which is
switched off first. Its logging and progress bars are silenced for the calls made here alone.
"""

import contextlib
import importlib
import json
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

import polars as pl

from trenddrop.core.errors import EngineError, NotFoundError
from trenddrop.core.scratch import Scratch
from trenddrop.core.settings import Settings
from trenddrop.core.time import Clock, utc_now
from trenddrop.modeling import FittedModel, fingerprint, load_model, predict, save_model
from trenddrop.registry.registry import Alias, ModelVersion
from trenddrop.training.tracker import LoggedRun, RunRecord
from trenddrop.training.tune import TuneResult, recipe_text

EXPERIMENT = "trenddrop"
FINGERPRINT = "trenddrop.fingerprint"
ARTIFACT = "model"  # the pyfunc model's folder in a run
FITTED = "fitted"  # the fitted model's folder, below MLflow's own "data" in it
QUIET = {"MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false", "GIT_PYTHON_REFRESH": "quiet"}
PACKAGES = ("lightgbm", "numpy", "polars", "scikit-learn", "scipy")


class MlflowStore:
    """A ``Tracker`` and a ``ModelRegistry`` over one MLflow store."""

    def __init__(self, settings: Settings, *, clock: Clock = utc_now) -> None:
        self._clock = clock
        os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
        self._home = settings.home.resolve()
        self._uri = settings.tracking_uri()
        self._is_local = settings.mlflow_uri is None
        with _quiet():
            self._mlflow = importlib.import_module("mlflow")
        with _quiet(), self._faults():  # again: the import sets MLflow's log level
            if self._is_local:
                self._create_database(self._home / "mlflow.db")
            self._client = self._mlflow.MlflowClient(tracking_uri=self._uri, registry_uri=self._uri)

    def log(self, record: RunRecord) -> LoggedRun:
        """Keep the run, and register its model unless a version with its fingerprint is there already."""
        with _quiet(), self._faults(), Scratch(self._home / "tmp") as scratch:
            run_id = self._start(record)
            self._client.log_batch(run_id, metrics=self._metrics(record.metrics), params=self._params(record.params))
            self._client.log_artifacts(run_id, str(_write_documents(record, scratch.folder / "documents")))
            version = self._version(record, run_id, scratch.folder / ARTIFACT)
            self._client.set_terminated(run_id)
        return LoggedRun(run_id, record.model_name, version)

    def names(self) -> list[str]:
        """Return the names of all registered models, sorted."""
        with _quiet(), self._faults():
            return sorted(one.name for one in self._all(self._client.search_registered_models))

    def log_search(self, name: str, search: TuneResult) -> str:
        """Keep a search for a better recipe: a run with the best recipe, and a run below it for each trial."""
        with _quiet(), self._faults(), Scratch(self._home / "tmp") as scratch:
            parent = self._start_run(f"tune-{name}", {})
            values = [self._mlflow.entities.Metric("value", t.value, self._now(), t.number) for t in search.trials]
            found = {"test_from": search.test_from.isoformat(), "config_hash": search.spec.config_hash()}
            self._client.log_batch(parent, metrics=values, params=self._params(found))
            documents = {"recipe.yaml": recipe_text(search), "search.json": json.dumps(search.as_dict(), indent=1)}
            for file, text in documents.items():
                (scratch.folder / file).write_text(text, encoding="utf-8")
            self._client.log_artifacts(parent, str(scratch.folder))
            for trial in search.trials:
                child = self._start_run(f"trial-{trial.number}", {"mlflow.parentRunId": parent})
                figures = {f"average_precision_{h}h": one for h, one in trial.average_precision.items()}
                metrics = self._metrics({"value": trial.value, **figures})
                params = self._params({key: str(value) for key, value in trial.params.items()})
                self._client.log_batch(child, metrics=metrics, params=params)
                self._client.set_terminated(child)
            self._client.set_terminated(parent)
        return parent

    def versions(self, name: str) -> list[ModelVersion]:
        """Return every version of a name, the oldest first."""
        with _quiet(), self._faults():
            if not self._is_registered(name):
                return []
            pointed: Mapping[str, str] = self._client.get_registered_model(name).aliases  # a search leaves them out
            found = self._client.search_model_versions(f"name = '{_quoted(name)}'")
            versions = [_model_version(one, pointed) for one in found]
            return sorted(versions, key=lambda one: int(one.version))

    def aliased(self, name: str, alias: Alias) -> ModelVersion | None:
        """Return the version that the alias points at."""
        with _quiet(), self._faults():
            if not self._is_registered(name):
                return None
            aliases: Mapping[str, str] = self._client.get_registered_model(name).aliases
            if alias not in aliases:
                return None
            return _model_version(self._client.get_model_version(name, aliases[alias]), aliases)

    def point(self, name: str, alias: Alias, version: str) -> None:
        """Let the alias point at the version."""
        with _quiet(), self._faults():
            self._client.set_registered_model_alias(name, alias, version)

    def tag(self, name: str, version: str, key: str, value: str) -> None:
        """Write a tag on the version, in place of the one with that key."""
        with _quiet(), self._faults():
            self._client.set_model_version_tag(name, version, key, value)

    def load(self, name: str, version: str) -> FittedModel:
        """Return the model of a version; raise NotFoundError where there is none."""
        known = {one.version: one for one in self.versions(name)}
        if version not in known:
            raise NotFoundError(f"model {name}: no version {version}; known: {', '.join(known) or 'none'}")
        with _quiet(), self._faults(), Scratch(self._home / "tmp") as scratch:
            source = self._client.get_model_version_download_uri(name, version)
            folder = self._mlflow.artifacts.download_artifacts(
                artifact_uri=f"{source}/data/{FITTED}", dst_path=str(scratch.folder), tracking_uri=self._uri
            )
            return load_model(Path(folder))

    def params(self, run_id: str) -> dict[str, str]:
        """Return the parameters of a run."""
        with _quiet(), self._faults():
            return dict(self._client.get_run(run_id).data.params)

    def metrics(self, run_id: str) -> dict[str, float]:
        """Return the metrics of a run."""
        with _quiet(), self._faults():
            return dict(self._client.get_run(run_id).data.metrics)

    def document(self, run_id: str, name: str) -> str:
        """Return a document of a run; raise NotFoundError where it kept none of that name."""
        with _quiet(), self._faults(), Scratch(self._home / "tmp") as scratch:
            if name not in {one.path for one in self._client.list_artifacts(run_id)}:
                raise NotFoundError(f"run {run_id}: kept no {name}; it is older than that document, train anew")
            return Path(self._client.download_artifacts(run_id, name, str(scratch.folder))).read_text(encoding="utf-8")

    def _create_database(self, path: Path) -> None:
        """Create the database beside its place, then link it there: MLflow cannot resume migrations killed midway."""
        if path.exists():
            return
        with Scratch(path.parent / "tmp") as scratch:
            fresh = scratch.folder / path.name
            with _unsynced():
                self._mlflow.MlflowClient(tracking_uri=f"sqlite:///{fresh}").search_experiments(max_results=1)
            with fresh.open("rb") as written:
                os.fsync(written.fileno())
            with contextlib.suppress(FileExistsError):  # another process was faster
                path.hardlink_to(fresh)

    def _start(self, record: RunRecord) -> str:
        return self._start_run(record.model_name, {"mlflow.source.git.commit": record.params.get("commit", "")})

    def _start_run(self, name: str, tags: Mapping[str, str]) -> str:
        experiment = self._client.get_experiment_by_name(EXPERIMENT)
        if experiment is None:
            location = (self._home / "mlartifacts").as_uri() if self._is_local else None
            experiment_id = self._client.create_experiment(EXPERIMENT, artifact_location=location)
        else:
            experiment_id = experiment.experiment_id
        run = self._client.create_run(experiment_id, run_name=name, tags={**tags, "mlflow.source.name": "trenddrop"})
        return str(run.info.run_id)

    def _version(self, record: RunRecord, run_id: str, folder: Path) -> str:
        mark = fingerprint(record.model)
        self._save_pyfunc(record, folder)
        self._client.log_artifacts(run_id, str(folder), ARTIFACT)
        same = [one for one in self.versions(record.model_name) if one.fingerprint == mark]
        if same:
            return same[0].version
        if not self._is_registered(record.model_name):
            self._client.create_registered_model(record.model_name)
        root = self._client.get_run(run_id).info.artifact_uri
        made = self._client.create_model_version(
            record.model_name, f"{root}/{ARTIFACT}", run_id=run_id, tags={FINGERPRINT: mark}
        )
        return str(made.version)

    def _save_pyfunc(self, record: RunRecord, folder: Path) -> None:
        data = folder.parent / FITTED
        save_model(record.model, data)
        numbers = pl.col(list(record.model.features)).cast(pl.Float64)
        example = record.example.with_columns(numbers).to_pandas()
        answer = _Pyfunc(record.model).predict(example)
        self._mlflow.pyfunc.save_model(
            path=str(folder),
            loader_module=__name__,
            data_path=str(data),
            signature=self._signature(record, answer),
            input_example=example,
            pip_requirements=[f"{name}=={installed_version(name)}" for name in PACKAGES] + ["trenddrop"],
        )

    def _signature(self, record: RunRecord, answer: Any) -> Any:
        """Return the signature; every feature may be missing, which a few example rows cannot show."""
        types = self._mlflow.types
        inputs = [types.ColSpec("double", name, required=False) for name in record.model.features]
        inputs += [types.ColSpec("string", name, required=False) for name in record.model.texts]
        outputs = self._mlflow.models.infer_signature(answer).inputs
        return self._mlflow.models.ModelSignature(types.Schema(inputs), outputs)

    @staticmethod
    def _all(search: Callable[..., Any]) -> Iterator[Any]:
        """Yield what a search finds, page by page."""
        page = search()
        yield from page
        while page.token:
            page = search(page_token=page.token)
            yield from page

    def _is_registered(self, name: str) -> bool:
        return bool(self._client.search_registered_models(f"name = '{_quoted(name)}'"))

    def _metrics(self, values: Mapping[str, float]) -> list[Any]:
        return [self._mlflow.entities.Metric(name, value, self._now(), 0) for name, value in values.items()]

    def _now(self) -> int:
        return int(self._clock().timestamp() * 1000)

    def _params(self, values: Mapping[str, str]) -> list[Any]:
        return [self._mlflow.entities.Param(name, value) for name, value in values.items()]

    @contextlib.contextmanager
    def _faults(self) -> Iterator[None]:
        """Say in one line what MLflow could not do, and where."""
        try:
            yield
        except self._mlflow.exceptions.MlflowException as error:
            raise EngineError(f"mlflow at {self._uri}: {' '.join(str(error).split())}") from error


class _Pyfunc:
    """A fitted model behind MLflow's ``predict(DataFrame) -> DataFrame``."""

    def __init__(self, model: FittedModel) -> None:
        self._model = model

    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Return ``probability_<h>h`` per horizon for a pandas DataFrame of features (and the model's texts)."""
        return predict(self._model, pl.from_pandas(model_input)).select(pl.col("^probability_.*$")).to_pandas()


def _load_pyfunc(path: str) -> _Pyfunc:
    """Load what ``MlflowStore`` saved; MLflow calls it by name."""
    return _Pyfunc(load_model(Path(path)))


def _write_documents(record: RunRecord, folder: Path) -> Path:
    (folder / "plots").mkdir(parents=True)
    for name, text in record.documents.items():
        (folder / name).write_text(text, encoding="utf-8")
    for name, png in record.plots.items():
        (folder / "plots" / name).write_bytes(png)
    return folder


def _model_version(one: Any, aliases: Mapping[str, str]) -> ModelVersion:
    return ModelVersion(
        one.name,
        str(one.version),
        one.tags.get(FINGERPRINT, ""),
        one.run_id or "",
        tuple(sorted(alias for alias, version in aliases.items() if str(version) == str(one.version))),
        tags=dict(one.tags),
        created_at=datetime.fromtimestamp(one.creation_timestamp / 1000, UTC),
        updated_at=datetime.fromtimestamp(one.last_updated_timestamp / 1000, UTC),
    )


def _quoted(name: str) -> str:
    return name.replace("'", "\\'")


@contextlib.contextmanager
def _unsynced() -> Iterator[None]:
    """Let SQLite connections made meanwhile skip the disk's confirmations: some forty migrations wait for each."""
    events = importlib.import_module("sqlalchemy.event")
    engine = importlib.import_module("sqlalchemy.engine").Engine

    def relax(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA synchronous = OFF")

    events.listen(engine, "connect", relax)
    try:
        yield
    finally:
        events.remove(engine, "connect", relax)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep MLflow's bars, logs and warnings off both streams, and leave the process as it was."""
    before = {name: os.environ.get(name) for name in QUIET}
    loggers = [logging.getLogger(name) for name in ("mlflow", "alembic")]
    levels = [logger.level for logger in loggers]
    os.environ.update(QUIET)
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
