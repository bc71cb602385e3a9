"""Data quality checks and service levels, and what happens when they fail."""

from trenddrop.quality.checks import Check, record_checks, require_quality, run_checks
from trenddrop.quality.latency import StageTiming, load_sla, record_latency, service_levels
from trenddrop.quality.rules import Rule, load_rules

__all__ = [
    "Check",
    "Rule",
    "StageTiming",
    "load_rules",
    "load_sla",
    "record_checks",
    "record_latency",
    "require_quality",
    "run_checks",
    "service_levels",
]
