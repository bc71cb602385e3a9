"""Features on a workspace: their quality, and what a definition says."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from trenddrop.features import FEATURE_SETS, FeatureSet, dependency_tree, find_feature
from trenddrop.features.registry import GROUPS, sources
from trenddrop.flow.workspace import Workspace
from trenddrop.quality import (
    FeatureAlert,
    FeatureQuality,
    evaluate_features,
    judge_features,
    load_feature_rules,
    write_feature_quality,
)


@dataclass(frozen=True, slots=True)
class FeatureEvaluation:
    """What one evaluation found, and which of it is an alert, the gravest first."""

    found: Sequence[FeatureQuality] = ()
    alerts: Sequence[FeatureAlert] = ()

    def document(self) -> dict[str, object]:
        """Return the evaluation in a few figures: what the summary of a run shows."""
        scores = [one.score for one in self.found if one.score is not None and one.known]
        severities = [alert.severity for alert in self.alerts]
        return {
            "features": len(self.found),
            "missing": sorted({one.feature for one in self.found if not one.known}),
            "mean_score": sum(scores) / len(scores) if scores else None,
            "alerts": {name: severities.count(name) for name in ("critical", "high", "medium")},
            "critical": [alert.summary() for alert in self.alerts if alert.severity == "critical"],
        }


def evaluate_all_features(
    workspace: Workspace, platform: str | None = None, *, at: datetime | None = None
) -> FeatureEvaluation:
    """Evaluate every feature of every entity, platform by platform, at its newest hour (or ``at``), and keep it."""
    wh = workspace.warehouse
    names = {definition.name for feature_set in FEATURE_SETS for definition in feature_set.definitions}
    rules = load_feature_rules(extra=workspace.settings.configs, features=names)
    found: list[FeatureQuality] = []
    alerts: list[FeatureAlert] = []
    with workspace.stage("feature_quality") as stage:
        for feature_set in FEATURE_SETS:
            for one, newest in newest_hours(workspace, feature_set, platform):
                quality = evaluate_features(
                    wh, feature_set.schema, feature_set.definitions, rules, at=at or newest, platform=one
                )
                write_feature_quality(wh, quality)
                alerts += judge_features(wh, quality, rules)
                found += quality
        stage.rows = len(found)
    return FeatureEvaluation(found, alerts)


def newest_hours(
    workspace: Workspace, feature_set: FeatureSet, platform: str | None
) -> list[tuple[str | None, datetime]]:
    """Return each platform (or the given one) with the newest hour of its features that has ended by the clock."""
    table = workspace.warehouse.table(feature_set.schema.name)
    table = table.filter(table[feature_set.schema.event_timestamp] <= workspace.clock())
    moment = table[feature_set.schema.event_timestamp]
    if "platform" not in table.columns:
        rows = table.aggregate(newest=moment.max()).to_polars().with_columns(platform=pl.lit(None, dtype=pl.String))
    else:
        table = table if platform is None else table.filter(table.platform == platform)
        rows = table.group_by("platform").aggregate(newest=table[feature_set.schema.event_timestamp].max()).to_polars()
    known = rows.drop_nulls("newest").sort("platform")
    return list(known.select("platform", "newest").iter_rows())


def explain_feature(workspace: Workspace, name: str) -> dict[str, Any]:
    """Return what a definition says, what it is computed from, who reads it, and its newest evaluation."""
    feature_set, definition = find_feature(name)
    tree = dependency_tree(feature_set, definition.name)
    stored = workspace.warehouse.table("feature_quality")
    mine = stored.filter((stored.feature_name == definition.name) & (stored.table_name == feature_set.schema.name))
    evaluations = mine.order_by(mine.evaluation_timestamp.desc(), mine.platform).to_polars()
    newest = evaluations.unique("platform", keep="first", maintain_order=True).drop("id", "histogram")
    return {
        "name": definition.name,
        "entity": feature_set.entity,
        "table": feature_set.schema.name,
        "group": definition.group,
        "group_name": GROUPS.get(definition.group, definition.group),
        "description": definition.description,
        "data_type": definition.dtype,
        "is_nullable": definition.is_nullable,
        "valid_range": [definition.valid_min, definition.valid_max],
        "computation_lag_minutes": definition.computation_lag_minutes,
        "version": definition.version,
        "deprecated": definition.deprecated,
        "depends_on": tree.as_dict(),
        "sources": list(sources(tree)),
        "services": services_with(definition.name),
        "quality": newest.to_dicts(),
    }


def services_with(feature: str) -> list[str]:
    """Return the Feast services that read the feature, as ``service (view)``."""
    with warnings.catch_warnings():  # Feast, which takes seconds to import, turns deprecation warnings on
        from trenddrop.feature_store.declarations import feature_repo_folder, read_declarations

    contents = read_declarations(feature_repo_folder(), project="trenddrop")
    return sorted(
        f"{service.name} ({projection.name})"
        for service in contents.feature_services
        for projection in service.feature_view_projections
        if any(field.name == feature for field in projection.features)
    )
