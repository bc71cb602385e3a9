"""Features on a workspace: their quality, the newest values of one hashtag, and what a definition says."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from trenddrop.core.errors import NotFoundError
from trenddrop.core.ids import normalized_name
from trenddrop.core.names import near_matches
from trenddrop.core.time import HOUR
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
from trenddrop.schemas.hashtag_features import HASHTAG_FEATURES

HISTORY = ("views_1h", "velocity", "momentum_score")
NEAR_AMONG = 200_000  # ids that a mistyped one is compared with


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


@dataclass(frozen=True, slots=True)
class Shown:
    """The features of one hashtag: its newest row, and the hours before it."""

    hashtag_id: str
    newest: dict[str, Any]
    history: pl.DataFrame  # feature_timestamp and HISTORY, one row per hour, null where there is none


def show_hashtag(workspace: Workspace, hashtag: str, *, hours: int = 48) -> Shown:
    """Return the newest features of a hashtag and its last ``hours`` hours.

    Raises NotFoundError with the nearest ids where there is none, or several platforms have it.
    """
    features = workspace.warehouse.table(HASHTAG_FEATURES.name)
    identity = hashtag_named(workspace, hashtag)
    rows = features.filter(features.hashtag_id == identity)
    newest = rows.order_by(rows.feature_timestamp.desc()).limit(1).to_polars()
    if newest.is_empty():
        raise NotFoundError(f"hashtag {identity}: has no features yet; run 'trenddrop features build' first")
    moment = newest["feature_timestamp"].item()
    recent = rows.filter(rows.feature_timestamp > moment - hours * HOUR).select("feature_timestamp", *HISTORY)
    moments = pl.DataFrame(
        {"feature_timestamp": [moment - back * HOUR for back in range(hours - 1, -1, -1)]},
        schema={"feature_timestamp": pl.Datetime("us", "UTC")},
    )
    known = recent.to_polars().cast({"feature_timestamp": pl.Datetime("us", "UTC")})
    history = moments.join(known, on="feature_timestamp", how="left", maintain_order="left")
    return Shown(identity, newest.row(0, named=True), history)


def hashtag_named(workspace: Workspace, hashtag: str) -> str:
    """Return the id of a hashtag given as ``platform:name``, or as a name that one platform has."""
    hashtags = workspace.warehouse.table("hashtags").select("hashtag_id")
    platform, _, name = hashtag.rpartition(":")
    name = normalized_name(name)
    wanted = hashtags.hashtag_id == f"{platform}:{name}" if platform else hashtags.hashtag_id.endswith(f":{name}")
    found = sorted(hashtags.filter(wanted).to_polars()["hashtag_id"])
    if not platform:
        found = [identity for identity in found if identity.split(":", 1)[1] == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise NotFoundError(f"hashtag {hashtag!r}: several platforms have it; choose {' or '.join(found)}")
    known = hashtags.order_by("hashtag_id").limit(NEAR_AMONG).to_polars()["hashtag_id"].to_list()
    if not known:
        raise NotFoundError(f"hashtag {hashtag!r}: there are none yet; run 'trenddrop ingest' first")
    by_name = {identity.split(":", 1)[1]: identity for identity in reversed(known)}
    near = [by_name[close] for close in near_matches(name, by_name)]
    hint = f"did you mean {' or '.join(near)}?" if near else "an id is platform:name, as in " + known[0]
    raise NotFoundError(f"hashtag {hashtag!r}: not known; {hint}")


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
