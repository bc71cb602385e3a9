"""The backtest on a workspace: from raw files to figures, without a model being kept."""

import os
from typing import Any

import polars as pl

from trenddrop.flow import stages
from trenddrop.flow.run import RunRequest
from trenddrop.flow.training import spec_for, training_frame, usable_features
from trenddrop.flow.workspace import Workspace
from trenddrop.labels import LabelDefinition
from trenddrop.training.backtest import backtest
from trenddrop.training.events import PEAK


def run_backtest(workspace: Workspace, request: RunRequest) -> dict[str, Any]:
    """Ingest, normalize, check, build labels and features, judge the recipe; return the JSON object to print.

    Files that were taken in before cost next to nothing, so the same home can be judged with other labels or recipes.
    """
    source = stages.source_named(workspace, request.source, fetched_at=request.fetched_at)
    definition = stages.label_named(workspace, request.label or source.label)
    spec = spec_for(workspace, definition, request.model)
    stages.ingest_files(workspace, source, request.inputs)
    stages.normalize_batches(workspace)
    stages.check_quality(workspace)
    labels = stages.build_all_labels(workspace, definition, source.platform)  # residuals read which outcomes are known
    stages.build_all_features(workspace, source.platform)
    frame, pins = training_frame(workspace, definition, source.platform)
    frame = frame.join(peaks(workspace, definition, source.platform), on=["hashtag_id", "event_timestamp"], how="left")
    with workspace.stage("backtest") as stage:
        result = backtest(
            frame,
            spec,
            features=usable_features(frame),
            test_from=request.test_from,
            threads=workspace.settings.threads or os.cpu_count() or 1,
            progress=workspace.progress,
        )
        stage.rows = result.predictions.height
    return {
        "source": source.name,
        "platform": source.platform,
        "label": definition.name,
        "label_rows": labels.rows,
        "positives": labels.positives,
        "unknown_labels": labels.unknown,
        "recipe": spec.name,
        "config_hash": spec.config_hash(),
        "seed": spec.seed,
        "feature_service": stages.FEATURE_SERVICE,
        "snapshot_id": pins.snapshot_id,
        **result.document(),
        "stages": {one.name: {"seconds": round(one.seconds, 3), "rows": one.rows} for one in workspace.stages},
    }


def peaks(workspace: Workspace, definition: LabelDefinition, platform: str) -> pl.DataFrame:
    """Return when each positive label's metric peaked: keys and a column ``PEAK`` per horizon."""
    labels = stages.labels_of(workspace, definition, platform)
    long = (
        labels.filter(labels.is_viral)
        .select(
            "hashtag_id", "prediction_window_hours", "actual_peak_timestamp", event_timestamp=labels.label_timestamp
        )
        .to_polars()
    )
    wide = long.pivot(
        "prediction_window_hours", index=["hashtag_id", "event_timestamp"], values="actual_peak_timestamp"
    )
    return wide.rename({str(h): PEAK.format(h) for h in definition.horizons if str(h) in wide.columns})
