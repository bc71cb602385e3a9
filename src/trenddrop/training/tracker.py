"""What a training run leaves behind, and who keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from trenddrop.modeling import FittedModel


@dataclass(frozen=True, slots=True)
class RunRecord:
    """Everything that makes a run repeatable and readable."""

    model_name: str  # in the registry
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    documents: Mapping[str, str]  # file name to text: the model card, all metrics as JSON
    plots: Mapping[str, bytes]  # file name to PNG
    model: FittedModel
    example: pl.DataFrame  # a few rows of features


@dataclass(frozen=True, slots=True)
class LoggedRun:
    """Where a run was kept and which version its model became."""

    run_id: str
    model_name: str
    model_version: str


class Tracker(Protocol):
    """Keeps runs and registers their models."""

    def log(self, record: RunRecord) -> LoggedRun:
        """Keep the run and register its model; a model that is registered already keeps its version."""
        ...
