"""What is wrong with the features that a model learns from: the promotion gate's question to the warehouse."""

from datetime import datetime

from trenddrop.flow.features import evaluate_all_features
from trenddrop.flow.stages import newest_hour
from trenddrop.flow.workspace import Workspace
from trenddrop.modeling.spec import Gate
from trenddrop.quality import FeatureAlert, feature_alerts
from trenddrop.schemas.hashtag_features import HASHTAG_FEATURES

QUALITY = "feature_quality"


def require_evaluation(workspace: Workspace, platform: str) -> None:
    """Evaluate the features of a platform, unless their newest hour has been: old alerts say nothing of new rows."""
    newest = newest_hour(workspace, platform)
    if newest is not None and newest != evaluated_at(workspace, platform):
        evaluate_all_features(workspace, platform)


def evaluated_at(workspace: Workspace, platform: str) -> datetime | None:
    """Return the moment of the newest evaluation of a platform's hashtag features."""
    quality = workspace.warehouse.table(QUALITY)
    mine = quality.filter((quality.table_name == HASHTAG_FEATURES.name) & (quality.platform == platform))
    found: datetime | None = mine.aggregate(at=mine.evaluation_timestamp.max()).to_polars()["at"].item()
    return found


def alerts_for(workspace: Workspace, gate: Gate, platform: str, *, snapshot: str) -> list[FeatureAlert]:
    """Return the alerts that hold a model of the platform back, as the training snapshot knew them."""
    if gate.no_alert_from is None:
        return []
    return feature_alerts(
        workspace.warehouse,
        table=HASHTAG_FEATURES.name,
        platform=platform,
        at_least=gate.no_alert_from,
        snapshot=snapshot,
    )
