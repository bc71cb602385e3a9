"""Training and prediction on a workspace: rows through Feast, the run into MLflow, the scores into predictions."""

import os
import subprocess
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from trenddrop.adapters.mlflow import MlflowStore
from trenddrop.core.errors import InputError, NotFoundError
from trenddrop.feature_store import FeatureStoreSession, Pins
from trenddrop.flow.alarms import alerts_for, require_evaluation
from trenddrop.flow.intervals import with_newest_outcomes
from trenddrop.flow.models import operator
from trenddrop.flow.peaks import with_peaks
from trenddrop.flow.stages import (
    FEATURE_SERVICE,
    FEATURES,
    build_all_labels,
    labelled_entities,
    labels_of,
    newest_features,
    newest_hour,
)
from trenddrop.flow.workspace import Workspace
from trenddrop.labels import LabelDefinition
from trenddrop.modeling import FittedModel, ModelSpec, load_spec
from trenddrop.registry import Change, Decision, ModelRegistry, ModelVersion, find_champion, judge, promote
from trenddrop.scoring import Issue, score, write_predictions
from trenddrop.training.record import PINS, RunContext
from trenddrop.training.train import TrainResult, train

SPEC = "viral_lightgbm"


@dataclass(frozen=True, slots=True)
class Trained:
    """One training run, what the gate said of it, and the backtest rows it wrote."""

    result: TrainResult
    model_name: str
    decision: Decision
    backtest_rows: int
    snapshot_id: str


def spec_for(workspace: Workspace, definition: LabelDefinition, name: str = SPEC) -> ModelSpec:
    """Return the model spec, restricted to the horizons of the label definition; raise InputError without any."""
    spec = load_spec(name, extra=workspace.settings.configs)
    horizons = tuple(horizon for horizon in spec.horizons if horizon in definition.horizons)
    if not horizons:
        predicted, known = (", ".join(map(str, one.horizons)) for one in (spec, definition))
        raise InputError(
            f"recipe {spec.name} predicts {predicted} h and label {definition.name} knows {known} h: none in common; "
            "add a horizon to one of them"
        )
    return spec.model_copy(update={"horizons": horizons})


def train_model(
    workspace: Workspace,
    definition: LabelDefinition,
    platform: str,
    *,
    spec_name: str = SPEC,
    test_from: datetime | None = None,
) -> Trained:
    """Train on a pinned snapshot, log and register the model, apply the gate, write the backtest's predictions."""
    wh = workspace.warehouse
    spec = spec_for(workspace, definition, spec_name)
    require_evaluation(workspace, platform)
    frame, pins = training_frame(workspace, definition, platform)
    snapshot = pins.snapshot_id
    with workspace.stage("train") as stage:
        store = MlflowStore(workspace.settings)
        context = RunContext(
            platform=platform,
            viral_definition_name=definition.name,
            feature_service=FEATURE_SERVICE,
            snapshot_id=snapshot,
            feature_views=pins.fingerprint(),
            feature_pins=pins.as_json(),
            label_text=label_text(definition),
            label_document=label_document(definition),
            commit=commit_id(),
            descriptions=FEATURES,
            threads=workspace.settings.threads or os.cpu_count() or 1,
            progress=workspace.progress,
        )
        name = context.model_name(spec)
        context = replace(context, champion=find_champion(store, name))
        features = usable_features(frame)
        frame = with_peaks(workspace, frame, definition, platform, snapshot=snapshot)
        result = train(frame, spec, features=features, context=context, test_from=test_from, tracker=store)
        stage.rows = result.split.train.height
    if result.run is None:
        raise NotFoundError(f"model {name}: the run was not logged")
    alerts = alerts_for(workspace, spec.gate, platform, snapshot=snapshot)
    horizons = () if context.champion is None else [one.horizon for one in context.champion.horizons]
    verdict = judge(result.metrics, spec.gate, champion=result.champion, champion_horizons=horizons, alerts=alerts)
    change = Change(at=workspace.clock(), by=operator(), why="; ".join(verdict.reasons))
    decision = promote(store, name, result.run.model_version, verdict, change=change)
    issue = Issue(
        model_name=name,
        model_version=result.run.model_version,
        viral_definition_name=definition.name,
        feature_service=FEATURE_SERVICE,
        snapshot_id=snapshot,
        is_backtest=True,
    )
    with workspace.stage("backtest") as stage:
        stage.rows = write_predictions(wh, result.test_predictions, issue, clock=workspace.clock)
    return Trained(result, name, decision, stage.rows, snapshot)


def training_frame(workspace: Workspace, definition: LabelDefinition, platform: str) -> tuple[pl.DataFrame, Pins]:
    """Return the labelled hours of a platform with their features as known then, and what pins them."""
    snapshot = workspace.warehouse.snapshot_id()
    with workspace.stage("training_frame") as stage:
        feast = FeatureStoreSession(workspace.settings)
        feast.apply()
        entities = training_entities(workspace, definition, platform, snapshot=snapshot)
        frame = feast.training_frame(workspace.warehouse, entities, feature_service=FEATURE_SERVICE, snapshot=snapshot)
        stage.rows = frame.height
        return frame, feast.pin(frame, feature_service=FEATURE_SERVICE, snapshot=snapshot)


def training_entities(
    workspace: Workspace, definition: LabelDefinition, platform: str, *, snapshot: str
) -> pl.DataFrame:
    """Return the entity rows of a training run at a snapshot: the labelled hours of the platform."""
    entities = labelled_entities(workspace, definition, platform, snapshot=snapshot)
    return entities.with_columns(pl.lit(platform).alias("platform"))


def repeat_training_frame(workspace: Workspace, definition: LabelDefinition, run_id: str) -> pl.DataFrame:
    """Return the training frame of a logged run again, bit for bit.

    Raises SchemaError when a feature view has changed since the run, NotFoundError when the run kept no pins or
    its snapshot has expired.
    """
    store = MlflowStore(workspace.settings)
    pins = Pins.from_json(store.document(run_id, PINS))
    platform = store.params(run_id)["platform"]
    entities = training_entities(workspace, definition, platform, snapshot=pins.snapshot_id)
    return FeatureStoreSession(workspace.settings).repeat_frame(workspace.warehouse, entities, pins)


def label_text(definition: LabelDefinition) -> str:
    """Return a label definition as Markdown: its sentence, kind and parameters."""
    values = definition.parameters.model_dump(mode="json", exclude_none=True)
    told = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in values.items())
    return f"{definition.description} Kind `{definition.kind}`: {told}."


def label_document(definition: LabelDefinition) -> str:
    """Return a label definition as YAML that ``--label`` takes, whatever becomes of the file that it was read from."""
    return yaml.safe_dump(definition.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def training_document(trained: Trained) -> dict[str, Any]:
    """Return what a training run says as one JSON-ready object; metrics are per horizon in hours."""
    result = trained.result
    return {
        "snapshot_id": trained.snapshot_id,
        "test_from": result.split.test_from.isoformat(),
        "model": {
            "name": trained.model_name,
            "version": result.run.model_version if result.run else None,
            "run_id": result.run.run_id if result.run else None,
            "promoted": trained.decision.promoted,
            "reasons": list(trained.decision.reasons),
        },
        "left_out": {str(horizon): why for horizon, why in result.left_out.items()},
        "metrics": {str(horizon): one for horizon, one in result.figures().items()},
        "outcomes": {target: one.as_dict() for target, one in result.outcomes.items()},
    }


def predict_now(
    workspace: Workspace, definition: LabelDefinition, platform: str, *, spec_name: str = SPEC, hours: int = 1
) -> pl.DataFrame:
    """Score the newest features of each hashtag with the serving model of the recipe and write the predictions.

    Only candidates of the label definition are scored: a topic that is in the top k already cannot enter it.
    Returns hashtag_id, platform, event_timestamp, probability_<h>h and reasons, the likeliest first.
    """
    candidates = newest_candidates(workspace, definition, platform)
    with workspace.stage("predict") as stage:
        store = MlflowStore(workspace.settings)
        version, model = serving_model(store, model_name(workspace, definition, platform, spec_name))
        model = with_newest_outcomes(workspace.warehouse, model, version)
        features = newest_features(workspace, platform, hours=hours).rename({"feature_timestamp": "event_timestamp"})
        features = features.join(candidates, on=["hashtag_id", "event_timestamp"], how="semi", maintain_order="left")
        scores = score(model, features)
        issue = Issue(
            model_name=version.name,
            model_version=version.version,
            viral_definition_name=definition.name,
            feature_service=service_of(store, version),
            snapshot_id=workspace.warehouse.snapshot_id(),
            is_backtest=False,
        )
        stage.rows = write_predictions(workspace.warehouse, scores, issue, clock=workspace.clock)
    probabilities = [name for name in scores.columns if name.startswith("probability_")]
    return scores.sort(probabilities[-1], "hashtag_id", descending=[True, False]) if probabilities else scores


def newest_candidates(workspace: Workspace, definition: LabelDefinition, platform: str) -> pl.DataFrame:
    """Return hashtag_id and event_timestamp of what the definition can label, its newest hours included."""
    rows = labels_of(workspace, definition, platform)
    newest = newest_hour(workspace, platform)
    if newest is not None and not rows.filter(rows.label_timestamp >= newest).limit(1).to_pyarrow().num_rows:
        build_all_labels(workspace, definition, platform)
    return rows.select("hashtag_id", event_timestamp=rows.label_timestamp).distinct().to_polars()


def serving_model(store: ModelRegistry, name: str) -> tuple[ModelVersion, FittedModel]:
    """Return the champion, or the challenger where no version has passed the gate yet."""
    version = store.aliased(name, "champion") or store.aliased(name, "challenger")
    if version is None:
        raise NotFoundError(f"model {name}: none is trained yet; run 'trenddrop train' or 'trenddrop run' first")
    return version, store.load(name, version.version)


def service_of(store: MlflowStore, version: ModelVersion) -> str:
    """Return the feature service that the version was trained on, whatever later versions read."""
    return store.params(version.run_id).get("feature_service", FEATURE_SERVICE)


def model_name(workspace: Workspace, definition: LabelDefinition, platform: str, spec_name: str = SPEC) -> str:
    """Return the registry's name of the model of one recipe and definition on one platform."""
    spec = load_spec(spec_name, extra=workspace.settings.configs)  # a path's stem need not be the recipe's name
    return RunContext(platform, definition.name, FEATURE_SERVICE).model_name(spec)


def usable_features(frame: pl.DataFrame) -> list[str]:
    """Return the numeric features of the frame that hold at least two different values."""
    return [name for name in FEATURES if name in frame.columns and frame[name].drop_nulls().n_unique() > 1]


def commit_id() -> str:
    """Return the commit of the checkout that runs, or nothing outside of one."""
    folder = Path(__file__).resolve().parents[3]
    if not (folder / ".git").exists():
        return ""
    command = ["git", "-C", str(folder), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603
    except OSError:
        return ""  # no git on this machine
