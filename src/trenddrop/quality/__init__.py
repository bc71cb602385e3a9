"""Data quality checks and service levels, and what happens when they fail."""

from trenddrop.quality.checks import Check, record_checks, require_quality, require_recorded_quality, run_checks
from trenddrop.quality.feature_alerts import FeatureAlert, feature_alerts, judge_features
from trenddrop.quality.feature_evaluation import evaluate_features, evaluate_periods
from trenddrop.quality.feature_quality import FeatureQuality, Histogram, write_feature_quality
from trenddrop.quality.feature_rules import FeatureRules, load_feature_rules
from trenddrop.quality.latency import Compliance, StageTiming, load_sla, record_latency, service_levels
from trenddrop.quality.rules import Rule, Severity, load_rules

__all__ = [
    "Check",
    "Compliance",
    "FeatureAlert",
    "FeatureQuality",
    "FeatureRules",
    "Histogram",
    "Rule",
    "Severity",
    "StageTiming",
    "evaluate_features",
    "evaluate_periods",
    "feature_alerts",
    "judge_features",
    "load_feature_rules",
    "load_rules",
    "load_sla",
    "record_checks",
    "record_latency",
    "require_quality",
    "require_recorded_quality",
    "run_checks",
    "service_levels",
    "write_feature_quality",
]
