"""Run the rules over the warehouse, write what they found, and stop when it is critical."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from trenddrop.core.errors import NotFoundError, QualityError
from trenddrop.core.ids import content_id
from trenddrop.core.time import as_utc
from trenddrop.quality.measures import measure
from trenddrop.quality.rules import Rule, Severity
from trenddrop.schemas import TABLES
from trenddrop.warehouse import Warehouse

CHECKS = "data_quality_checks"


@dataclass(frozen=True, slots=True)
class Check:
    """What one rule found in one table; ``measure`` is None when there was nothing to judge."""

    name: str
    table: str
    check_type: str
    description: str
    checked: int
    failed: int
    measure: float | None
    severity: Severity
    checked_at: datetime
    critical_from: float | None
    details: dict[str, float | int | str | None] = field(default_factory=dict)

    @property
    def failure_rate(self) -> float:
        """Return the share of failing records (or buckets), 0 when nothing was judged."""
        return min(self.failed / self.checked, 1.0) if self.checked else float(self.failed > 0)

    def summary(self) -> str:
        """Return the finding in words.

        >>> Check("hashtag_resets", "hashtag_observations", "monotonic_violation", "a counter never falls", 1000, 450,
        ...       0.45, "critical", datetime(2026, 1, 2), 0.4).summary()
        'hashtag_observations: monotonic_violation 45.00 % (450 of 1,000; critical from 40.00 %)'
        """
        limit = "" if self.critical_from is None else f"; critical from {_shown(self, self.critical_from)}"
        found = "nothing to judge" if self.measure is None else _shown(self, self.measure)
        return f"{self.table}: {self.check_type} {found} ({self.failed:,} of {self.checked:,}{limit})"


def run_checks(
    wh: Warehouse, rules: Sequence[Rule], *, now: datetime, tables: Collection[str] | None = None
) -> list[Check]:
    """Measure every rule (of the given tables) at the moment ``now`` and write ``data_quality_checks``.

    ``now`` is the moment the data are judged at: the clock for a live source, the newest event for a historical one.
    Running it again at the same moment replaces its rows. What is judged at an earlier moment than before (a backfill
    after a live check) is recorded at that of before, so that the newest finding is always the last one made. A rule
    that finds nothing wrong any more marks its earlier findings as resolved. Raises NotFoundError for a table that no
    rule checks.
    """
    now = as_utc(now)
    if tables is not None and (unknown := sorted(set(tables) - {rule.table for rule in rules})):
        raise NotFoundError(f"quality: no rule checks {unknown}; add one to configs/quality.yaml")
    chosen = [rule for rule in rules if tables is None or rule.table in tables]
    recorded_at = _not_before_the_last(wh, chosen, now)
    checks = [_check(wh, rule, now, recorded_at) for rule in chosen]
    record_checks(wh, checks, now=recorded_at)
    return checks


def require_quality(checks: Sequence[Check]) -> None:
    """Raise QualityError, naming every critical check with its figures, when there is one."""
    critical = [check for check in checks if check.severity == "critical"]
    if critical:
        raise QualityError(
            f"{len(critical)} critical data quality check{'s' if len(critical) > 1 else ''} failed, so the stages "
            f"downstream did not run: {'; '.join(f'{check.summary()} [rule {check.name}]' for check in critical)}. "
            f"Mend the input and run again, or change the limit in quality.yaml"
        )


def require_recorded_quality(wh: Warehouse, rules: Sequence[Rule]) -> None:
    """Raise QualityError where the newest recorded finding of one of the rules is critical; nothing is measured."""
    checks = wh.table(CHECKS)
    newest = checks.group_by("table_name", "check_type", "check_description").aggregate(
        severity=checks.severity.argmax(checks.check_timestamp)
    )
    rows = newest.filter(newest.severity == "critical").to_pyarrow().to_pylist()
    known = {(rule.table, rule.check, rule.description): rule.name for rule in rules}
    keys = [(row["table_name"], row["check_type"], row["check_description"]) for row in rows]
    if critical := sorted(f"{known[key]} of {key[0]}" for key in keys if key in known):
        raise QualityError(
            f"the newest data quality check is critical ({', '.join(critical)}), so this stage did not run; mend the "
            f"input and ingest again, or change the limit in quality.yaml"
        )


def _not_before_the_last(wh: Warehouse, rules: Sequence[Rule], now: datetime) -> datetime:
    """Return the moment, or that of the newest recorded finding of the rules where it is later."""
    recorded = wh.table(CHECKS)
    mine = recorded.filter(recorded.check_description.isin([rule.description for rule in rules]))
    newest = mine.aggregate(newest=mine.check_timestamp.max(), count=mine.count()).to_pyarrow().to_pylist()[0]
    return max(now, as_utc(newest["newest"])) if newest["count"] else now


def _check(wh: Warehouse, rule: Rule, now: datetime, recorded_at: datetime) -> Check:
    found: dict[str, Any] = measure(wh.table(rule.table), rule, now=now).to_pyarrow().to_pylist()[0]
    value = found.pop("measure")
    checked, failed = int(found.pop("checked") or 0), int(found.pop("failed") or 0)
    return Check(
        name=rule.name,
        table=rule.table,
        check_type=rule.check,
        description=rule.description,
        checked=checked,
        failed=failed,
        measure=None if value is None else float(value),
        severity="low" if value is None else rule.severity.severity(float(value)),
        checked_at=recorded_at,
        critical_from=rule.severity.critical,
        details={name: _plain(number) for name, number in found.items() if number is not None},
    )


def _plain(number: float) -> float | int:
    return int(number) if float(number).is_integer() else round(float(number), 6)


def _shown(check: Check, value: float) -> str:
    return f"{value:.1f} h" if check.check_type == "staleness" else f"{100 * value:.2f} %"


def record_checks(wh: Warehouse, checks: Sequence[Check], *, now: datetime, is_fine_kept: bool = True) -> None:
    """Write the checks of the moment ``now``, and mark earlier findings that are fine by now as resolved.

    Checks at the same moment replace each other. Without ``is_fine_kept`` only those are written that found something.
    """
    judged = pl.DataFrame([_row(check) for check in checks], schema=_schema())
    rows = judged if is_fine_kept else judged.filter(pl.col("failed_records") > 0)
    fine = [
        check.table + "\x1f" + check.check_type + "\x1f" + check.description for check in checks if not check.failed
    ]
    history = wh.table(CHECKS)
    open_ = history.filter(history.resolved_at.isnull() & (history.failed_records > 0))
    earlier = pl.from_arrow(open_.filter(open_.check_timestamp < now).to_pyarrow())
    assert isinstance(earlier, pl.DataFrame)
    key = pl.concat_str("table_name", "check_type", "check_description", separator="\x1f")
    resolved = earlier.filter(key.is_in(fine)).with_columns(
        pl.lit(now).cast(pl.Datetime("us", "UTC")).alias("resolved_at")
    )
    resolved = resolved.select(rows.columns).cast(rows.schema)
    written = pl.concat([rows, resolved])
    outdated = pl.concat([judged, resolved]).select("id")

    def body() -> None:
        wh.delete(CHECKS, outdated)
        wh.append(CHECKS, written)

    if outdated.height:
        wh.transact(body, claim=CHECKS)


def _row(check: Check) -> dict[str, Any]:
    shown = {"rule": check.name, "measure": check.measure} | check.details
    return {
        "id": content_id(check.name, check.table, check.checked_at.isoformat()),
        "check_timestamp": check.checked_at,
        "table_name": check.table,
        "check_type": check.check_type,
        "check_description": check.description,
        "records_checked": check.checked,
        "failed_records": check.failed,
        "failure_rate": check.failure_rate,
        "severity": check.severity,
        "details": json.dumps(shown, sort_keys=True),
        "resolved_at": None,
    }


def _schema() -> dict[str, Any]:
    numbers = {"records_checked": pl.Int64, "failed_records": pl.Int64, "failure_rate": pl.Float64}
    moments = dict.fromkeys(("check_timestamp", "resolved_at"), pl.Datetime("us", "UTC"))
    return {column: (numbers | moments).get(column, pl.String) for column in TABLES[CHECKS].columns}
