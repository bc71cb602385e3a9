"""The search for a better recipe on a workspace: rows through Feast, trials into MLflow, the recipe into a file."""

import logging
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import optuna
import polars as pl
from optuna.storages.journal import JournalFileBackend

from trenddrop.adapters.mlflow import MlflowStore
from trenddrop.core.ids import content_id
from trenddrop.flow.stages import FEATURE_SERVICE
from trenddrop.flow.training import SPEC, spec_for, training_frame, usable_features
from trenddrop.flow.workspace import Workspace
from trenddrop.labels import LabelDefinition
from trenddrop.training.record import RunContext
from trenddrop.training.tune import Effort, recipe_text, tune


def tune_model(
    workspace: Workspace,
    definition: LabelDefinition,
    platform: str,
    *,
    spec_name: str = SPEC,
    test_from: datetime | None = None,
    effort: Effort,
) -> dict[str, Any]:
    """Search on the features and labels there are; return the JSON object to print, with the recipe's path.

    The trials are kept below the home: the same search on the same rows goes on where it was left, or adds trials.
    """
    spec = spec_for(workspace, definition, spec_name)
    frame, _ = training_frame(workspace, definition, platform)
    name = RunContext(platform, definition.name, FEATURE_SERVICE).model_name(spec)
    features = usable_features(frame)
    key = content_id(spec.config_hash(), name, str(test_from), _fingerprint(frame))
    with workspace.stage("tune") as stage:
        found = tune(
            frame,
            spec,
            features=features,
            study=_study(workspace.settings.home / "tuning" / f"{key}.log"),
            effort=effort,
            test_from=test_from,
        )
        stage.rows = len(found.trials)
        path = workspace.settings.home / "models" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(recipe_text(found), encoding="utf-8")
        run_id = MlflowStore(workspace.settings).log_search(name, found)
    return {"model": name, "recipe": str(path), "run_id": run_id, **found.as_dict()}


def effort_of(workspace: Workspace, *, trials: int, timeout_s: float | None) -> Effort:
    """Return how long to search with the threads of the workspace."""
    return Effort(
        trials,
        timeout=None if timeout_s is None else timedelta(seconds=timeout_s),
        threads=workspace.settings.threads or os.cpu_count() or 1,
        progress=workspace.progress,
    )


def _study(path: Path) -> optuna.Study:
    optuna.logging.set_verbosity(logging.WARNING)  # the progress bar says what is going on
    path.parent.mkdir(parents=True, exist_ok=True)
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(path)))
    return optuna.create_study(storage=storage, study_name="tune", direction="maximize", load_if_exists=True)


def _fingerprint(frame: pl.DataFrame) -> str:
    """Return what differs where any key, moment, outcome or feature does: all of them decide what a trial is worth."""
    return f"{frame.height}-{frame.hash_rows(seed=0).sum()}"
