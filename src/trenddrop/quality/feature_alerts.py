"""What is wrong with features: alerts with a severity, kept as rows of ``data_quality_checks``."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

import ibis.expr.types as ir

from trenddrop.quality.checks import CHECKS, Check, record_checks
from trenddrop.quality.feature_quality import QUALITY, FeatureQuality
from trenddrop.quality.feature_rules import FeatureRules
from trenddrop.quality.rules import Severity
from trenddrop.warehouse import Warehouse

PREFIX = "feature_"  # of the check types
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
MEANINGS = {
    "null_where_never": "nulls, although it is never null",
    "null_rise": "more nulls than in the baseline",
    "out_of_range": "values outside of the valid range",
    "outliers": "outliers",
    "kl": "drift from the baseline (KL divergence)",
    "psi": "drift from the baseline (population stability index)",
    "is_stuck": "one value only, where the baseline had several",
}


@dataclass(frozen=True, slots=True)
class FeatureAlert:
    """One measure of one feature that is beyond its bounds."""

    feature: str
    table: str
    platform: str | None
    measure: str
    value: float
    severity: Severity
    evaluated_at: datetime

    def summary(self) -> str:
        """Return the alert in words.

        >>> FeatureAlert("velocity", "hashtag_features", "weibo", "null_rise", 0.61, "critical", datetime(2026, 1, 2)
        ...     ).summary()
        'hashtag_features.velocity on weibo: more nulls than in the baseline (null_rise 0.61)'
        """
        where = f"{self.table}.{self.feature}" + (f" on {self.platform}" if self.platform else "")
        return f"{where}: {MEANINGS[self.measure]} ({self.measure} {self.value:.3g})"


def measures(one: FeatureQuality, *, minimum_records: int) -> Iterator[tuple[str, float, int, int]]:
    """Yield what can be judged of a feature: the measure, its value, the failing records and those they are of."""
    if not one.total:
        return
    if not one.is_nullable:
        yield "null_where_never", one.null_share, one.nulls, one.total
    if one.baseline_null_share is not None and min(one.total, one.baseline_records) >= minimum_records:
        rise = max(one.null_share - one.baseline_null_share, 0.0)
        yield "null_rise", rise, round(rise * one.total), one.total
    for name, count in (("out_of_range", one.out_of_range), ("outliers", one.outliers)):
        if (share := one.share_of_known(count)) is not None:
            yield name, share, count or 0, one.known
    for name, drift in (("kl", one.kl), ("psi", one.psi)):
        if drift is not None:
            yield name, drift, one.known, one.known
    if one.varied_before and one.known >= minimum_records and one.minimum is not None:
        is_stuck = one.minimum == one.maximum
        yield "is_stuck", float(is_stuck), one.known if is_stuck else 0, one.known


def judge_features(wh: Warehouse, found: Sequence[FeatureQuality], rules: FeatureRules) -> list[FeatureAlert]:
    """Judge one evaluation, keep its alerts in ``data_quality_checks`` and return them, the gravest first.

    Judging the same evaluation again replaces its rows; what is fine again resolves the earlier rows.
    """
    judged: list[tuple[FeatureAlert, Check]] = []
    for one in found:
        bounds = rules.bounds(one.feature)
        for measure, value, failed, checked in measures(one, minimum_records=rules.minimum_records):
            severity = bounds[measure].severity(value)
            alert = FeatureAlert(
                one.feature, one.table, one.platform, measure, value, severity, evaluated_at=one.evaluated_at
            )
            judged.append((alert, _check(alert, failed if severity != "low" else 0, checked)))
    if judged:
        record_checks(wh, [check for _, check in judged], now=found[0].evaluated_at, is_fine_kept=False)
    return _sorted(alert for alert, _ in judged if alert.severity != "low")


def feature_alerts(
    wh: Warehouse,
    *,
    table: str | None = None,
    platform: str | None = None,
    at_least: Severity = "medium",
    snapshot: str | None = None,
) -> list[FeatureAlert]:
    """Return the alerts of the newest evaluation of each (table, platform), the gravest first, now or as of a snapshot.

    What a promotion gate asks: ``feature_alerts(wh, platform="weibo", at_least="critical", snapshot="41")``.
    """
    newest = _newest(wh.table(QUALITY, snapshot=snapshot))
    evaluated = {(row["table_name"], row["platform"]): row["at"] for row in newest.to_pyarrow().to_pylist()}
    checks = wh.table(CHECKS, snapshot=snapshot)
    wanted = checks.check_type.startswith(PREFIX)
    wanted &= checks.severity.isin(SEVERITIES[SEVERITIES.index(at_least) :])
    if table is not None:
        wanted &= checks.table_name == table
    alerts = [_alert(row) for row in checks.filter(wanted).to_pyarrow().to_pylist()]
    return _sorted(
        alert
        for alert in alerts
        if evaluated.get((alert.table, alert.platform)) == alert.evaluated_at and platform in (None, alert.platform)
    )


def _newest(quality: ir.Table) -> ir.Table:
    return quality.group_by("table_name", "platform").aggregate(at=quality.evaluation_timestamp.max())


def _check(alert: FeatureAlert, failed: int, checked: int) -> Check:
    where = f" on {alert.platform}" if alert.platform else ""
    return Check(
        name=f"{PREFIX}{alert.measure}:{alert.platform or ''}:{alert.feature}",
        table=alert.table,
        check_type=f"{PREFIX}{alert.measure}",
        description=f"{alert.feature}{where}: {MEANINGS[alert.measure]}",
        checked=checked,
        failed=failed,
        measure=round(alert.value, 6),
        severity=alert.severity,
        checked_at=alert.evaluated_at,
        critical_from=None,
        details={"feature": alert.feature, "platform": alert.platform},
    )


def _alert(row: dict[str, Any]) -> FeatureAlert:
    details = json.loads(row["details"])
    return FeatureAlert(
        details["feature"],
        row["table_name"],
        details["platform"],
        row["check_type"].removeprefix(PREFIX),
        details["measure"],
        row["severity"],
        evaluated_at=row["check_timestamp"],
    )


def _sorted(alerts: Iterator[FeatureAlert]) -> list[FeatureAlert]:
    return sorted(alerts, key=lambda a: (-SEVERITIES.index(a.severity), a.table, a.feature, a.measure))
