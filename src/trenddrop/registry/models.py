"""The registry as a table: ``ml_models``, one row per registered version of a model."""

import json
import uuid
from collections.abc import Mapping
from typing import Any, Protocol

import polars as pl

from trenddrop.core.errors import NotFoundError
from trenddrop.registry.registry import ModelRegistry, ModelVersion

MODEL_TYPE = "engagement_prediction"  # of the source system's kinds, the one that every model here is
SPEC = "spec.json"
CONFIG = ("spec", "config_hash", "seed", "feature_service", "features")  # run parameters: what was fitted
STAMP = pl.Datetime("us", "UTC")
SCHEMA: dict[str, Any] = {
    "id": pl.String,
    "name": pl.String,
    "model_type": pl.String,
    "version": pl.String,
    "config": pl.String,  # JSON: the recipe
    "performance_metrics": pl.String,  # JSON: the figures on test rows, by metric and horizon
    "training_data_info": pl.String,  # JSON: snapshot, platform, label, period, rows
    "is_active": pl.Boolean,  # the champion
    "created_at": STAMP,
    "updated_at": STAMP,
    "aliases": pl.List(pl.String),
    "run_id": pl.String,
}


class RunReader(Protocol):
    """Reads what a training run logged."""

    def params(self, run_id: str) -> dict[str, str]:
        """Return the parameters of a run."""
        ...

    def metrics(self, run_id: str) -> dict[str, float]:
        """Return the metrics of a run."""
        ...

    def document(self, run_id: str, name: str) -> str:
        """Return a document of a run; raise NotFoundError where it kept none of that name."""
        ...


class ReadableRegistry(ModelRegistry, RunReader, Protocol):
    """A registry that knows the runs of its versions."""


def ml_models(registry: ReadableRegistry, name: str | None = None) -> pl.DataFrame:
    """Return one row per version of one model, or of all, by name and then the oldest first.

    The columns are those of ``ml_models`` of SmartContent AI, and the aliases and the run of MLflow behind them.
    Raises NotFoundError where the named model does not exist.
    """
    names = registry.names()
    if name is not None and name not in names:
        raise NotFoundError(f"model {name}: not registered; known: {', '.join(names) or 'none'}")
    chosen = names if name is None else [name]
    return pl.DataFrame([_row(registry, one) for each in chosen for one in registry.versions(each)], schema=SCHEMA)


def _row(registry: ReadableRegistry, one: ModelVersion) -> dict[str, Any]:
    params, metrics = (registry.params(one.run_id), registry.metrics(one.run_id)) if one.run_id else ({}, {})
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"trenddrop:{one.name}:{one.version}")),
        "name": one.name,
        "model_type": MODEL_TYPE,
        "version": one.version,
        "config": _config(registry, one, params),
        "performance_metrics": json.dumps(metrics, sort_keys=True),
        "training_data_info": json.dumps({k: v for k, v in params.items() if k not in CONFIG}, sort_keys=True),
        "is_active": "champion" in one.aliases,
        "created_at": one.created_at,
        "updated_at": one.updated_at,
        "aliases": sorted(one.aliases),
        "run_id": one.run_id,
    }


def _config(registry: ReadableRegistry, one: ModelVersion, params: Mapping[str, str]) -> str:
    """Return the recipe and what it was fitted with; a run without its recipe gives the parameters alone."""
    config: dict[str, Any] = {name: params[name] for name in CONFIG if name in params}
    try:
        recipe = json.loads(registry.document(one.run_id, SPEC)) if one.run_id else {}
    except NotFoundError:
        recipe = {}
    return json.dumps(config | ({"recipe": recipe} if recipe else {}), sort_keys=True)
