"""Features on a workspace: their quality, the newest values of one hashtag, and what a definition says."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from trenddrop.features import FEATURE_SETS, FeatureSet
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
    """Return each platform (or the given one) with the newest hour of its features."""
    table = workspace.warehouse.table(feature_set.schema.name)
    moment = table[feature_set.schema.event_timestamp]
    if "platform" not in table.columns:
        rows = table.aggregate(newest=moment.max()).to_polars().with_columns(platform=pl.lit(None, dtype=pl.String))
    else:
        table = table if platform is None else table.filter(table.platform == platform)
        rows = table.group_by("platform").aggregate(newest=table[feature_set.schema.event_timestamp].max()).to_polars()
    known = rows.drop_nulls("newest").sort("platform")
    return list(known.select("platform", "newest").iter_rows())
