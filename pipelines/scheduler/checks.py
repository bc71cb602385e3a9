"""What ``quality`` finds, as results of asset checks."""

from collections.abc import Iterator, Sequence

import dagster as dg

from pipelines.scheduler.tables import Step
from trenddrop.core.settings import Settings
from trenddrop.flow import Workspace
from trenddrop.flow.latency import recent_service_levels
from trenddrop.quality import Check, feature_alerts, load_rules

SERVICE_LEVEL = "service_level"
SOUND = "features_are_sound"
GRAVE = {"critical": dg.AssetCheckSeverity.ERROR}


def rule_specs(step: Step, settings: Settings) -> list[dg.AssetCheckSpec]:
    """Return a check per rule over the tables of the step; a critical one stops what comes after it."""
    return [
        dg.AssetCheckSpec(rule.name, asset=rule.table, description=rule.description, blocking=True)
        for rule in load_rules(extra=settings.configs)
        if rule.table in step.tables
    ]


def level_specs(step: Step) -> list[dg.AssetCheckSpec]:
    """Return a check per table with a service level."""
    return [
        dg.AssetCheckSpec(SERVICE_LEVEL, asset=table, description=f"the stage {level} keeps its service level")
        for table, level in step.levels.items()
    ]


def sound_spec() -> dg.AssetCheckSpec:
    """Return the check of the features' quality."""
    return dg.AssetCheckSpec(
        SOUND,
        asset="hashtag_features",
        description="no feature is null, out of range, stuck or drifted beyond its bounds",
    )


def rule_results(step: Step, checks: Sequence[Check]) -> Iterator[dg.AssetCheckResult]:
    """Yield what each rule found; what is no more than high is a warning."""
    for check in checks:
        if check.table in step.tables:
            yield dg.AssetCheckResult(
                check_name=check.name,
                asset_key=check.table,
                passed=check.severity in ("low", "medium"),
                severity=GRAVE.get(check.severity, dg.AssetCheckSeverity.WARN),
                description=check.summary(),
                metadata={"severity": check.severity, "checked": check.checked, "failed": check.failed},
            )


def level_results(step: Step, workspace: Workspace) -> Iterator[dg.AssetCheckResult]:
    """Yield whether each stage kept its service level in the last days."""
    kept = {level.process_name: level for level in recent_service_levels(workspace)}
    for table, name in step.levels.items():
        level = kept.get(name)
        yield dg.AssetCheckResult(
            check_name=SERVICE_LEVEL,
            asset_key=table,
            passed=level is None or level.is_met,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={}
            if level is None
            else {"share_met": level.share_met, "runs": level.runs, "slowest_s": level.slowest_s},
        )


def sound_result(workspace: Workspace, platforms: Sequence[str]) -> dg.AssetCheckResult:
    """Return whether no feature of the platforms has a high or critical alert by the newest evaluation."""
    found = [feature_alerts(workspace.warehouse, platform=platform, at_least="high") for platform in platforms]
    alerts = [alert for one in found for alert in one]
    is_critical = any(alert.severity == "critical" for alert in alerts)
    return dg.AssetCheckResult(
        check_name=SOUND,
        asset_key="hashtag_features",
        passed=not alerts,
        severity=dg.AssetCheckSeverity.ERROR if is_critical else dg.AssetCheckSeverity.WARN,
        description="; ".join(alert.summary() for alert in alerts[:5]),
        metadata={"alerts": len(alerts)},
    )
