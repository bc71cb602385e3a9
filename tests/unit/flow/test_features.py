"""What a run says of its features."""

from datetime import UTC, datetime

from trenddrop.flow.features import FeatureEvaluation
from trenddrop.quality import FeatureAlert, FeatureQuality

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def one(feature: str, **changes) -> FeatureQuality:
    base = {"table": "hashtag_features", "platform": "weibo", "evaluated_at": NOW, "total": 4, "nulls": 0}
    return FeatureQuality(feature, **base | {"is_nullable": True} | changes)


def alert(feature: str, severity: str) -> FeatureAlert:
    return FeatureAlert(feature, "hashtag_features", "weibo", "null_rise", 0.9, severity, NOW)  # type: ignore[arg-type]


def test_the_summary_names_critical_alerts_and_missing_features():
    found = [one("velocity", score=0.5), one("views_1h", score=1.0), one("score", nulls=4, score=0.0)]
    alerts = [alert("velocity", "critical"), alert("views_1h", "high"), alert("views_1h", "high")]
    assert FeatureEvaluation(found, alerts).document() == {
        "features": 3,
        "missing": ["score"],
        "mean_score": 0.75,  # of those that have values
        "alerts": {"critical": 1, "high": 2, "medium": 0},
        "critical": ["hashtag_features.velocity on weibo: more nulls than in the baseline (null_rise 0.9)"],
    }


def test_nothing_evaluated_is_no_score():
    assert FeatureEvaluation().document()["mean_score"] is None
