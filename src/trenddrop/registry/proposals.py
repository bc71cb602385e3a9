"""Proposals to train a serving model again: what has drifted, in words, kept in ``retraining_proposals``."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import polars as pl

from trenddrop.core.ids import content_id
from trenddrop.core.time import Clock
from trenddrop.registry.drift import DriftMeasure, Periods
from trenddrop.registry.drift_rules import DriftRules
from trenddrop.schemas.retraining_proposals import RETRAINING_PROPOSALS
from trenddrop.warehouse import Warehouse

NAMED = 3  # features in a reason


@dataclass(frozen=True, slots=True)
class Subject:
    """Which serving model is meant, and from which snapshot it learned."""

    model_name: str
    model_version: str
    platform: str
    viral_definition_name: str
    snapshot_id: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """One comparison of a serving model with its training; without reasons nothing is proposed."""

    subject: Subject
    periods: Periods
    measures: tuple[DriftMeasure, ...]
    reasons: tuple[str, ...]

    @property
    def is_proposed(self) -> bool:
        """Return whether the model should be trained again."""
        return bool(self.reasons)

    @property
    def proposal_id(self) -> str:
        """Return an id: the same model at the same hour is the same proposal."""
        return content_id(self.subject.model_name, self.subject.model_version, self.periods.window_end.isoformat())


def propose(subject: Subject, periods: Periods, measures: Sequence[DriftMeasure], rules: DriftRules) -> Proposal:
    """Return the proposal with a reason for each kind of drift that is beyond its bounds."""
    reasons = [*_feature_reason(measures, rules), *(_reason(one) for one in measures if _stands_alone(one))]
    return Proposal(subject, periods, tuple(measures), tuple(reasons))


def write_proposal(wh: Warehouse, proposal: Proposal, *, clock: Clock) -> None:
    """Write the proposal, in place of the one of the same model at the same hour."""
    row = asdict(proposal.subject) | asdict(proposal.periods) | {
        "proposal_id": proposal.proposal_id,
        "is_proposed": proposal.is_proposed,
        "reasons": json.dumps(proposal.reasons, ensure_ascii=False),
        "measures": json.dumps([asdict(one) | {"is_drifted": one.is_drifted} for one in proposal.measures]),
        "created_timestamp": clock(),
    }  # fmt: skip
    rows = pl.DataFrame([row]).select(list(RETRAINING_PROPOSALS.columns))
    rows = rows.with_columns(pl.col(pl.Datetime).dt.cast_time_unit("us").dt.convert_time_zone("UTC"))

    def body() -> None:
        wh.delete(RETRAINING_PROPOSALS.name, rows.select("proposal_id"))
        wh.append(RETRAINING_PROPOSALS.name, rows)

    wh.transact(body, claim=RETRAINING_PROPOSALS.name)


def newest_proposals(wh: Warehouse, *, model_name: str | None = None) -> pl.DataFrame:
    """Return the newest comparison of each model version, the newest first."""
    table = wh.table(RETRAINING_PROPOSALS.name)
    if model_name is not None:
        table = table.filter(table.model_name == model_name)
    rows = table.to_polars().sort("window_end", "created_timestamp", descending=True)
    return rows.unique(["model_name", "model_version"], keep="first", maintain_order=True)


def _feature_reason(measures: Sequence[DriftMeasure], rules: DriftRules) -> list[str]:
    judged = [one for one in measures if one.kind == "feature" and one.value is not None]
    moved = sorted((one for one in judged if one.is_drifted), key=lambda one: (-(one.value or 0.0), one.name))
    if not moved or len(moved) < rules.features.share * len(judged):
        return []
    named = ", ".join(f"{one.name} {one.value:.2f}" for one in moved[:NAMED])
    return [f"{len(moved)} of {len(judged)} features have moved (PSI from {rules.features.psi:g} on): {named}"]


def _stands_alone(one: DriftMeasure) -> bool:
    return one.kind != "feature" and one.is_drifted


def _reason(one: DriftMeasure) -> str:
    texts = {
        "score": "{name} probabilities have moved (PSI {value:.2f}, from {bound:g} on)",
        "outcome": "{name} share of positives has changed {value:.1f} times (from {bound:g} on)",
        "residual": "{name} predictions missed or invented {value:.0%} of the positives (from {bound:.0%} on)",
    }
    return texts[one.kind].format(name=one.name, value=one.value, bound=one.bound)
