"""Drift on a workspace: the champion against what it learned from, and the training that answers a proposal."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import ibis.expr.types as ir
import polars as pl

from trenddrop.adapters.mlflow import MlflowStore
from trenddrop.core.errors import NotFoundError
from trenddrop.core.time import as_utc
from trenddrop.features.registry import FEATURE_SETS
from trenddrop.flow.stages import build_all_labels, labels_of, newest_hour
from trenddrop.flow.training import SPEC, Trained, model_name, serving_model, train_model, training_document
from trenddrop.flow.workspace import Workspace
from trenddrop.labels import LabelDefinition
from trenddrop.modeling import FittedModel
from trenddrop.quality import load_feature_rules
from trenddrop.registry.drift import DriftMeasure, Measured, feature_drift, outcome_drift, residual_drift, score_drift
from trenddrop.registry.drift_rules import DriftRules, load_drift_rules
from trenddrop.registry.proposals import Proposal, Subject, newest_proposals, propose, write_proposal
from trenddrop.schemas.hashtag_features import HASHTAG_FEATURES


def check_drift(
    workspace: Workspace,
    definition: LabelDefinition,
    platform: str,
    *,
    spec_name: str = SPEC,
    rules: DriftRules | None = None,
) -> Proposal | None:
    """Compare the serving model's newest window with its training, keep the result and return it.

    None where there are too few hours after what the model learned from. Raises NotFoundError without a model.
    """
    rules = rules or load_drift_rules(extra=workspace.settings.configs)
    store = MlflowStore(workspace.settings)
    version, model = serving_model(store, model_name(workspace, definition, platform, spec_name))
    params = store.params(version.run_id)
    subject = Subject(version.name, version.version, platform, definition.name, params.get("snapshot_id", ""))
    newest = newest_hour(workspace, platform)
    periods = newest and rules.periods(newest=as_utc(newest), learned_until=model.trained_until)
    if not periods:
        return None
    with workspace.stage("drift") as stage:
        names = {one.name for feature_set in FEATURE_SETS for one in feature_set.definitions}
        bins = load_feature_rules(extra=workspace.settings.configs, features=names)
        at = Measured(workspace.warehouse, bins.model_copy(update={"minimum_records": rules.minimum_records}), periods)
        measures = _measures(workspace, at, subject, definition, model, rules)
        proposal = propose(subject, periods, measures, rules)
        write_proposal(workspace.warehouse, proposal, clock=workspace.clock)
        stage.rows = len(measures)
    return proposal


@dataclass(frozen=True, slots=True)
class Retrained:
    """What a retraining did; ``trained`` is None where no proposal was open."""

    answers: str | None  # the proposal
    trained: Trained | None

    def document(self) -> dict[str, Any]:
        """Return it as a JSON-ready object."""
        more = {} if self.trained is None else training_document(self.trained)
        return {"is_retrained": self.trained is not None, "answers": self.answers} | more


def retrain(  # noqa: PLR0913 - what is trained, and when
    workspace: Workspace,
    definition: LabelDefinition,
    platform: str,
    *,
    spec_name: str = SPEC,
    test_from: datetime | None = None,
    only_if_proposed: bool = False,
) -> Retrained:
    """Label what has matured and train again, by the clock or only where the drift of the serving model proposes it."""
    proposal = open_proposal(workspace, definition, platform, spec_name=spec_name)
    if proposal is None and only_if_proposed:
        return Retrained(None, None)
    build_all_labels(workspace, definition, platform)
    return Retrained(proposal, train_model(workspace, definition, platform, spec_name=spec_name, test_from=test_from))


def proposals_of(workspace: Workspace) -> pl.DataFrame:
    """Return the newest comparison of each model version."""
    return newest_proposals(workspace.warehouse)


def open_proposal(
    workspace: Workspace, definition: LabelDefinition, platform: str, *, spec_name: str = SPEC
) -> str | None:
    """Return the id of the proposal to train the serving model again, or None where there is none."""
    name = model_name(workspace, definition, platform, spec_name)
    try:
        version, _ = serving_model(MlflowStore(workspace.settings), name)
    except NotFoundError:
        return None
    rows = newest_proposals(workspace.warehouse, model_name=name).filter(pl.col("model_version") == version.version)
    return None if rows.is_empty() or not rows["is_proposed"][0] else str(rows["proposal_id"][0])


def drift_document(proposal: Proposal | None) -> dict[str, Any]:
    """Return a comparison as a JSON-ready object."""
    if proposal is None:
        return {"is_judged": False, "is_proposed": False, "reasons": [], "measures": []}
    periods = proposal.periods
    return {
        "is_judged": True,
        "is_proposed": proposal.is_proposed,
        "reasons": list(proposal.reasons),
        "proposal_id": proposal.proposal_id,
        "model": {"name": proposal.subject.model_name, "version": proposal.subject.model_version},
        "snapshot_id": proposal.subject.snapshot_id,
        "window": [periods.window_start.isoformat(), periods.window_end.isoformat()],
        "baseline": [periods.baseline_start.isoformat(), periods.baseline_end.isoformat()],
        "measures": [asdict(one) | {"is_drifted": one.is_drifted} for one in proposal.measures],
    }


def _measures(  # noqa: PLR0913 - one comparison
    workspace: Workspace,
    at: Measured,
    subject: Subject,
    definition: LabelDefinition,
    model: FittedModel,
    rules: DriftRules,
) -> list[DriftMeasure]:
    wh = workspace.warehouse
    horizons = [one.horizon for one in model.horizons]
    features = wh.table(HASHTAG_FEATURES.name)
    learned = _as_trained(workspace, subject.snapshot_id)
    said = wh.table("predictions")
    said = said.filter((said.model_name == subject.model_name) & (said.model_version == subject.model_version))
    labels = labels_of(workspace, definition, subject.platform)
    return [
        *feature_drift(
            at,
            learned.filter(learned.platform == subject.platform),
            features.filter(features.platform == subject.platform),
            features=model.features,
            psi=rules.features.psi,
        ),
        *score_drift(at, said, horizons=horizons, psi=rules.scores.psi),
        *outcome_drift(at, labels, horizons=horizons, **rules.outcomes.model_dump()),
        *residual_drift(at, said, labels, horizons=horizons, **rules.residuals.model_dump()),
    ]


def _as_trained(workspace: Workspace, snapshot: str) -> ir.Table:
    """Return the features as the training read them, or as they are where its snapshot has expired: rows keep."""
    try:
        return workspace.warehouse.table(HASHTAG_FEATURES.name, snapshot=snapshot or None)
    except NotFoundError:
        return workspace.warehouse.table(HASHTAG_FEATURES.name)
