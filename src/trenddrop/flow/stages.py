"""Each stage of the flow as one call on a workspace: it reads named tables and writes named tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import ibis.expr.types as ir
import polars as pl

from trenddrop.core.errors import InputError
from trenddrop.core.time import HOUR
from trenddrop.features import (
    DEFINITIONS,
    ENTITIES,
    build_entity_features,
    build_features,
    write_feature_definitions,
)
from trenddrop.flow.workspace import Workspace
from trenddrop.labels import (
    ImportSummary,
    LabelDefinition,
    LabelSummary,
    build_labels,
    decided_labels,
    import_labels,
    load_label,
)
from trenddrop.labels.sensitivity import sensitivity
from trenddrop.normalized import NormalizeSummary, normalize
from trenddrop.quality import Check, load_rules, require_quality, require_recorded_quality, run_checks
from trenddrop.sources import Source, load_source
from trenddrop.staging import IngestSummary, ingest

FEATURE_SERVICE = "hashtag_viral_v6"
FEATURES: Mapping[str, str] = {
    definition.name: definition.description
    for definition in DEFINITIONS
    if definition.dtype in ("float64", "int64", "boolean") and definition.name != "cluster_id"  # a name, no amount
}


def source_named(workspace: Workspace, name: str, *, fetched_at: datetime | None = None) -> Source:
    """Return the source of that name, or the mapping that the name is the path of."""
    return load_source(name, extra=workspace.settings.configs, fetched_at=fetched_at)


def label_named(workspace: Workspace, name: str) -> LabelDefinition:
    """Return the label definition of that name."""
    return load_label(name, extra=workspace.settings.configs)


def ingest_files(workspace: Workspace, source: Source, paths: Sequence[Path]) -> IngestSummary:
    """Take the files in: raw records and observations, exactly once."""
    with workspace.stage("ingest") as stage:
        summary = ingest(
            workspace.warehouse,
            source,
            paths,
            privacy=workspace.settings.privacy,
            clock=workspace.clock,
            progress=workspace.progress,
        )
        stage.rows = summary.raw_records
    return summary


def normalize_batches(workspace: Workspace) -> NormalizeSummary:
    """Turn new observations into hourly metrics and latest-state entities."""
    with workspace.stage("normalize") as stage:
        summary = normalize(workspace.warehouse, clock=workspace.clock, progress=workspace.progress)
        stage.rows = summary.metric_rows
    return summary


def check_quality(workspace: Workspace, *, now: datetime | None = None) -> list[Check]:
    """Check the tables; raise QualityError where a critical check fails, so that nothing downstream runs."""
    checks = measure_quality(workspace, now=now)
    require_quality(checks)
    return checks


def require_checked(workspace: Workspace) -> None:
    """Raise QualityError where the last check found something critical: a job of its own must not build on it."""
    require_recorded_quality(workspace.warehouse, load_rules(extra=workspace.settings.configs))


def measure_quality(workspace: Workspace, *, now: datetime | None = None) -> list[Check]:
    """Check the tables as of ``now``, write what was found, and return it.

    Give the clock's time where records should be arriving: a feed that stands still is stale by it. The default is
    the newest event, the present of a historical data set.
    """
    with workspace.stage("quality") as stage:
        rules = load_rules(extra=workspace.settings.configs)
        checks = run_checks(workspace.warehouse, rules, now=now or newest_event(workspace) or workspace.clock())
        stage.rows = len(checks)
    return checks


@dataclass(frozen=True, slots=True)
class Range:
    """Hours [start, end); None is open."""

    start: datetime | None = None
    end: datetime | None = None


def hours_of(
    workspace: Workspace, platform: str, *, start: datetime | None, end: datetime | None, trailing: int
) -> Range:
    """Return the hours [start, end), or without either the trailing ones of the platform's metrics."""
    if start is not None or end is not None:
        return Range(start, end)
    newest = newest_event(workspace, platform) or workspace.clock()
    return Range(newest - trailing * HOUR)


def build_all_features(workspace: Workspace, platform: str | None, hours: Range | None = None) -> int:
    """Bring the features of every entity and feature_definitions up to date; return the hashtags' rows of the range."""
    hours = hours or Range()
    with workspace.stage("features") as stage:
        write_feature_definitions(workspace.warehouse, clock=workspace.clock)
        stage.rows = build_features(
            workspace.warehouse,
            platform=platform,
            start=hours.start,
            end=hours.end,
            progress=workspace.progress,
        )
        for entity in ENTITIES:
            build_entity_features(
                workspace.warehouse,
                entity,
                platform=platform,
                start=hours.start,
                end=hours.end,
                progress=workspace.progress,
            )
    return stage.rows


def build_all_labels(workspace: Workspace, definition: LabelDefinition, platform: str) -> LabelSummary:
    """Bring viral_labels of one definition and platform up to date."""
    with workspace.stage("labels") as stage:
        summary = build_labels(workspace.warehouse, definition, platform=platform, progress=workspace.progress)
        stage.rows = summary.rows
    return summary


def label_sensitivity(
    workspace: Workspace, definition: LabelDefinition, platform: str, parameters: Sequence[str]
) -> pl.DataFrame:
    """Return what becomes of the labels when each number of the definition is moved; nothing is stored."""
    with workspace.stage("sensitivity") as stage:
        report = sensitivity(
            workspace.warehouse, definition, platform=platform, parameters=parameters, progress=workspace.progress
        )
        stage.rows = report.height
    return report


def newest_event(workspace: Workspace, platform: str | None = None) -> datetime | None:
    """Return the newest hour of hashtag_metrics that has begun: the present of a historical data set.

    A record with a wrong date, years ahead, does not make its year the present.
    """
    metrics = workspace.warehouse.table("hashtag_metrics")
    metrics = metrics.filter(metrics.timestamp < workspace.clock() + HOUR)
    if platform is not None:
        metrics = metrics.filter(metrics.platform == platform)
    newest: datetime | None = metrics.aggregate(newest=metrics.timestamp.max()).to_polars()["newest"].item()
    return newest


def labels_of(
    workspace: Workspace, definition: LabelDefinition, platform: str, *, snapshot: str | None = None
) -> ir.Table:
    """Return the labels of one definition on one platform, now or as of a snapshot; imported ones win."""
    labels = workspace.warehouse.table("viral_labels", snapshot=snapshot)
    mine = labels.filter((labels.viral_definition_name == definition.name) & (labels.platform == platform))
    return decided_labels(mine)


def import_all_labels(
    workspace: Workspace, path: Path, definition: LabelDefinition, platform: str | None, method: str
) -> ImportSummary:
    """Take the labels of a file in; they win over automatic ones."""
    with workspace.stage("import_labels") as stage:
        summary = import_labels(workspace.warehouse, path, definition, platform=platform, method=method)
        stage.rows = summary.rows
    return summary


def labelled_entities(
    workspace: Workspace, definition: LabelDefinition, platform: str, *, snapshot: str | None = None
) -> pl.DataFrame:
    """Return the entity dataframe: hashtag_id, event_timestamp, is_viral_<h>h (null where unknown), in fixed order."""
    mine = labels_of(workspace, definition, platform, snapshot=snapshot)
    long = mine.select("hashtag_id", "label_timestamp", "prediction_window_hours", "is_viral").to_polars()
    if long.is_empty():
        raise InputError(
            f"labels {definition.name}: no hour of {platform} can be labelled; ingest more hours, or choose a label "
            "definition whose metric the source has"
        )
    wide = long.pivot("prediction_window_hours", index=["hashtag_id", "label_timestamp"], values="is_viral")
    names = {str(h): f"is_viral_{h}h" for h in definition.horizons if str(h) in wide.columns}
    wide = wide.rename(names | {"label_timestamp": "event_timestamp"}).sort("event_timestamp", "hashtag_id")
    return wide.select("hashtag_id", "event_timestamp", *names.values())  # a pivot orders columns as rows come


def newest_hour(workspace: Workspace, platform: str | None) -> datetime | None:
    """Return the newest hour that has features and has ended by the clock.

    Of an hour that goes on not all is known, and a record with a wrong date, years ahead, is no present.
    """
    features = workspace.warehouse.table("hashtag_features")
    features = features.filter(features.feature_timestamp <= workspace.clock())
    if platform is not None:
        features = features.filter(features.platform == platform)
    newest: datetime | None = features.aggregate(newest=features.feature_timestamp.max()).to_polars()["newest"].item()
    return newest


def newest_features(workspace: Workspace, platform: str | None, *, hours: int = 1) -> pl.DataFrame:
    """Return each hashtag's newest feature row of the last ``hours`` hours that have features."""
    newest = newest_hour(workspace, platform)
    features = workspace.warehouse.table("hashtag_features")
    if platform is not None:
        features = features.filter(features.platform == platform)
    if newest is None:
        return features.limit(0).to_polars()
    recent = features.filter(features.feature_timestamp.between(newest - (hours - 1) * HOUR, newest)).to_polars()
    return recent.sort("feature_timestamp").unique("hashtag_id", keep="last", maintain_order=True)
