"""The consistency job: what was served against what the warehouse says of the same moments."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

import orjson
import polars as pl

from trenddrop.core.errors import FaultError
from trenddrop.feature_store import FeatureStoreSession
from trenddrop.feature_store.consistency import Consistency, FeatureMismatch, compare, decoded
from trenddrop.feature_store.served import SERVED, plain
from trenddrop.flow.workspace import Workspace
from trenddrop.quality import Check, record_checks

DESCRIPTION = "a served feature equals what the offline store says of the moment it was served"
VECTORS_AT_ONCE = 100_000


def check_consistency(
    workspace: Workspace, *, since: datetime | None = None, until: datetime | None = None, tolerance: float = 0.0
) -> Consistency:
    """Recompute the vectors served in [since, until) point in time, compare, and write ``data_quality_checks``.

    A feature that only the first or only the last vector of a service has, which changed between them, is not compared
    but named in ``not_compared``.
    """
    with workspace.stage("consistency") as stage, closing(FeatureStoreSession(workspace.settings)) as session:
        parts = [
            _compare_service(workspace, session, service, since, until, tolerance)
            for service in _services(workspace, since, until)
        ]
        found = merged(parts)
        record_checks(workspace.warehouse, [as_check(found, workspace.clock())], now=workspace.clock())
        stage.rows = found.vectors
    return found


def require_consistency(found: Consistency) -> None:
    """Raise FaultError, naming the worst features, when a served value does not match."""
    if not found.mismatched_vectors:
        return
    worst = found.mismatches()
    named = ", ".join(
        f"{one.feature} {one.mismatched} of {one.compared} ({one.missing} missing, {one.invented} invented, "
        f"{one.different} different)"
        for one in worst[:5]
    )
    more = f" and {len(worst) - 5} more features" if len(worst) > 5 else ""
    raise FaultError(
        f"{SERVED}: {found.mismatched_vectors} of {found.vectors} served vectors ({found.rate:.2%}) are not what the "
        f"offline store says: {named}{more}; e.g. {'; '.join(found.examples)}. Materialize sooner, or see whether "
        "features were rewritten"
    )


def consistency_document(found: Consistency) -> dict[str, Any]:
    """Return what was found as a JSON object."""
    return {
        "vectors": found.vectors,
        "mismatched_vectors": found.mismatched_vectors,
        "mismatch_rate": found.rate,
        "features": {
            one.feature: {name: value for name, value in asdict(one).items() if name != "feature"} | {"rate": one.rate}
            for one in found.features
        },
        "not_compared": list(found.not_compared),
        "examples": list(found.examples),
    }


def as_check(found: Consistency, now: datetime) -> Check:
    """Return the finding as a data quality check."""
    return Check(
        name="training_serving_consistency",
        table=SERVED,
        check_type="training_serving_skew",
        description=DESCRIPTION,
        checked=found.vectors,
        failed=found.mismatched_vectors,
        measure=found.rate if found.vectors else None,
        severity="critical" if found.mismatched_vectors else "low",
        checked_at=now,
        critical_from=None,
        details={one.feature: one.mismatched for one in found.mismatches()},
    )


def merged(parts: Sequence[Consistency]) -> Consistency:
    """Return several comparisons as one; a feature of two services is counted over both."""
    by_name: dict[str, FeatureMismatch] = {}
    for one in (feature for part in parts for feature in part.features):
        known = by_name.get(one.feature, FeatureMismatch(one.feature, 0, 0, 0, 0))
        by_name[one.feature] = FeatureMismatch(
            one.feature,
            known.compared + one.compared,
            known.missing + one.missing,
            known.invented + one.invented,
            known.different + one.different,
        )
    return Consistency(
        vectors=sum(part.vectors for part in parts),
        mismatched_vectors=sum(part.mismatched_vectors for part in parts),
        features=tuple(by_name.values()),
        not_compared=tuple(sorted({name for part in parts for name in part.not_compared})),
        examples=tuple(example for part in parts for example in part.examples)[:3],
    )


def _served(workspace: Workspace, since: datetime | None, until: datetime | None) -> Any:
    rows = workspace.warehouse.table(SERVED)
    if since is not None:
        rows = rows.filter(rows.served_at >= since)
    return rows if until is None else rows.filter(rows.served_at < until)


def _services(workspace: Workspace, since: datetime | None, until: datetime | None) -> list[str]:
    names = _served(workspace, since, until).select("feature_service").distinct().to_pyarrow()
    return sorted(names["feature_service"].to_pylist())


def _compare_service(  # noqa: PLR0913 - a period and how to judge it
    workspace: Workspace,
    session: FeatureStoreSession,
    service: str,
    since: datetime | None,
    until: datetime | None,
    tolerance: float,
) -> Consistency:
    rows = _served(workspace, since, until)
    rows = rows.filter(rows.feature_service == service).order_by("served_at", "served_id")
    served = pl.from_arrow(rows.to_pyarrow())
    assert isinstance(served, pl.DataFrame)  # noqa: S101 - a table never becomes a series
    parts = [
        _compare_batch(workspace, session, service, served.slice(start, VECTORS_AT_ONCE), tolerance)
        for start in range(0, served.height, VECTORS_AT_ONCE)
    ]
    return merged(parts)


def _compare_batch(
    workspace: Workspace, session: FeatureStoreSession, service: str, served: pl.DataFrame, tolerance: float
) -> Consistency:
    entity = served.select("hashtag_id", pl.col("served_at").alias("event_timestamp"), "served_id")
    true = session.training_frame(workspace.warehouse, entity, feature_service=service)
    common, changed = _names(served)
    features = [name for name in true.columns if name not in entity.columns and name in common]
    true = true.select(plain(true, features))
    values = decoded(served, {name: true.schema[name] for name in features})
    found = compare(values, true, features, tolerance=tolerance)
    return replace(found, not_compared=tuple(sorted((common | changed) - set(features))))


def _names(served: pl.DataFrame) -> tuple[set[str], set[str]]:
    """Return the features that the first and the last vector share, and those that only one of the two has.

    A service may have changed between them. What they share is compared; a feature of only one of them would seem
    missing from the others, so it is named as not compared.
    """
    first, last = (set(orjson.loads(served["feature_values"][i])) for i in (0, -1))
    return first & last, first ^ last
