"""The main job: raw files in, predictions out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from trenddrop.core.ids import content_id
from trenddrop.core.settings import Config
from trenddrop.core.time import HORIZONS_HOURS
from trenddrop.feature_store import materialize
from trenddrop.flow import stages
from trenddrop.flow.clusters import fit_clusters_of_run
from trenddrop.flow.features import FeatureEvaluation, evaluate_all_features
from trenddrop.flow.latency import record_run
from trenddrop.flow.training import SPEC, Trained, predict_now, spec_for, train_model, training_document
from trenddrop.flow.workspace import Workspace
from trenddrop.labels import LabelDefinition
from trenddrop.quality import Check
from trenddrop.staging import IngestSummary
from trenddrop.warehouse import count_rows


class RunRequest(Config):
    """What one run takes and how it judges."""

    source: str
    inputs: tuple[Path, ...]
    label: str | None = None
    test_from: datetime | None = None
    fetched_at: datetime | None = None
    model: str = SPEC


@dataclass(frozen=True, slots=True)
class RunResult:
    """What one run did; ``document`` is the JSON object that the command line prints."""

    definition: LabelDefinition
    platform: str
    taken: IngestSummary
    checks: Sequence[Check]
    evaluation: FeatureEvaluation
    trained: Trained
    scores: pl.DataFrame
    document: dict[str, Any]


def run(workspace: Workspace, request: RunRequest) -> RunResult:
    """Ingest, normalize, check, fit themes, build labels and features, train, judge and predict.

    Every stage can be killed and the run started again: it ends with the same tables.
    """
    source = stages.source_named(workspace, request.source, fetched_at=request.fetched_at)
    definition = stages.label_named(workspace, request.label or source.label)
    spec_for(workspace, definition, request.model)  # a wrong recipe is told before an hour of work
    taken = stages.ingest_files(workspace, source, request.inputs)
    stages.normalize_batches(workspace)
    checks = stages.check_quality(workspace)
    themes = fit_clusters_of_run(workspace)
    labels = stages.build_all_labels(workspace, definition, source.platform)  # residuals read which outcomes are known
    stages.build_all_features(workspace, source.platform)
    evaluation = evaluate_all_features(workspace, source.platform)
    trained = train_model(workspace, definition, source.platform, spec_name=request.model, test_from=request.test_from)
    scores = predict_now(workspace, definition, source.platform, spec_name=request.model)
    materialize_newest(workspace, source.platform)
    record_run(workspace, batch_id=content_id(trained.model_name, *sorted(taken.batch_ids)))
    counts = {
        name: _count(workspace, table, source.platform)
        for name, table in (
            ("hashtags", "hashtags"),
            ("metric_rows", "hashtag_metrics"),
            ("feature_rows", "hashtag_features"),
            ("prediction_rows", "predictions"),
        )
    }
    document: dict[str, Any] = {
        "source": source.name,
        "platform": source.platform,
        "label": definition.name,
        "raw_records": taken.raw_records,
        "processed": taken.processed,
        "failed": taken.failed,
        "duplicates": taken.duplicates,
        **counts,
        "label_rows": labels.rows,
        "positives": labels.positives,
        "unknown_labels": labels.unknown,
        "themes": themes.document(),
        "feature_quality": evaluation.document(),
        "stages": {stage.name: {"seconds": round(stage.seconds, 3), "rows": stage.rows} for stage in workspace.stages},
        **training_document(trained),
    }
    return RunResult(definition, source.platform, taken, checks, evaluation, trained, scores, document)


def likeliest(workspace: Workspace, scores: pl.DataFrame, *, count: int = 10) -> pl.DataFrame:
    """Return the likeliest trends with their title and four probabilities; null where a horizon is not fitted."""
    wanted = [f"probability_{horizon}h" for horizon in HORIZONS_HOURS]
    top = scores.head(count).with_columns(
        pl.lit(None, dtype=pl.Float64).alias(name) for name in wanted if name not in scores.columns
    )
    hashtags = workspace.warehouse.table("hashtags")
    names = hashtags.filter(hashtags.hashtag_id.isin(top["hashtag_id"].to_list())).select("hashtag_id", "name", "title")
    titled = top.join(names.to_polars(), on="hashtag_id", how="left", maintain_order="left")
    return titled.with_columns(title=pl.coalesce("title", "name", "hashtag_id")).drop("name")


def _count(workspace: Workspace, table: str, platform: str) -> int:
    rows = workspace.warehouse.table(table)
    return count_rows(rows.filter(rows.platform == platform))


def materialize_newest(workspace: Workspace, platform: str) -> None:
    """Bring the online store to the newest hour, so that the endpoint serves what was just computed."""
    with workspace.stage("materialize") as stage:
        newest = stages.newest_hour(workspace, platform)
        if newest is not None:
            materialize(workspace.settings, end=newest, warehouse=workspace.warehouse)
            stage.rows = stages.newest_features(workspace, platform, hours=24).height
