"""Planted drift is found and named, the same world without it is not; on both engines."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from trenddrop.core.errors import ConfigError
from trenddrop.quality import load_feature_rules
from trenddrop.registry.drift import (
    DriftMeasure,
    Measured,
    Periods,
    feature_drift,
    outcome_drift,
    residual_drift,
    score_drift,
)
from trenddrop.registry.drift_rules import DriftRules, load_drift_rules
from trenddrop.registry.proposals import Subject, newest_proposals, propose, write_proposal
from trenddrop.schemas import TABLES
from trenddrop.warehouse import Warehouse

END = datetime(2026, 3, 10, tzinfo=UTC)
CUT = END - timedelta(hours=48)
PERIODS = Periods(CUT - timedelta(hours=96), CUT, CUT, END)
RULES = DriftRules(window_h=48, baseline_h=96, minimum_records=50)
FEATURES = ("velocity", "views_1h", "momentum_score", "age_hours")
SUBJECT = Subject("m", "3", "tiktok", "growth", "41")
HOURS = 144


def at(wh: Warehouse) -> Measured:
    return Measured(wh, load_feature_rules().model_copy(update={"minimum_records": 50}), PERIODS)


def moments(tags: int) -> list[datetime]:
    return [END - timedelta(hours=hour) for hour in range(HOURS) for _ in range(tags)]


def features(wh: Warehouse, *, shift: float, tags: int = 4) -> None:
    """Hourly features back from END; ``velocity`` is shifted in the newest 48 hours, the age grows for ever."""
    rng = np.random.default_rng(5)
    moment = moments(tags)
    is_new = np.array([one > CUT for one in moment])
    count = len(moment)
    schema = TABLES["hashtag_features"]
    blank = {name: 0 for name, dtype in schema.columns.items() if dtype.lstrip("!") == "int64"}
    flags = {name: False for name, dtype in schema.columns.items() if dtype == "!boolean"}
    rows = pl.DataFrame(
        blank
        | flags
        | {
            "hashtag_id": [f"tiktok:{n % tags}" for n in range(count)],
            "feature_timestamp": moment,
            "created_timestamp": moment,
            "platform": "tiktok",
            "velocity": rng.normal(0, 1, count) + shift * is_new,
            "views_1h": np.exp(rng.normal(5, 1, count)),
            "momentum_score": rng.uniform(-1, 1, count),
            "age_hours": [(one - END).total_seconds() / 3600 + HOURS for one in moment],
        }
    )
    wh.append("hashtag_features", rows.cast({"age_hours": pl.Int64}))


def predictions(  # noqa: PLR0913 - the shares of both periods
    wh: Warehouse, *, live: float, rehearsed: float, viral: float, learned: float, tags: int = 5, horizon: int = 6
) -> None:
    """Live predictions in the newest 48 hours around ``live``, a backtest before; labels with their shares.

    Of windows that are open at END only the positives are known, as the label builder has it.
    """
    rng = np.random.default_rng(9)
    moment = moments(tags)
    count = len(moment)
    is_new = np.array([one > CUT for one in moment])
    chance = np.clip(np.where(is_new, live, rehearsed) + rng.normal(0, 0.02, count), 0.001, 0.999)
    is_viral = rng.random(count) < np.where(is_new, viral, learned)
    is_over = [one + timedelta(hours=horizon) <= END for one in moment]
    outcome = [True if one else (False if over else None) for one, over in zip(is_viral, is_over, strict=True)]
    names = {"viral_definition_name": "growth", "platform": "tiktok", "prediction_window_hours": horizon}
    ids = [f"tiktok:{n % tags}" for n in range(count)]
    said = pl.DataFrame(
        names
        | {
            "prediction_id": [f"p{n}" for n in range(count)],
            "hashtag_id": ids,
            "issued_at": moment,
            "probability": chance,
            "reasons": "[]",
            "model_name": "m",
            "model_version": "3",
            "feature_service": "s",
            "feature_timestamp": moment,
            "snapshot_id": "41",
            "matures_at": [one + timedelta(hours=horizon) for one in moment],
            "is_backtest": ~is_new,
            "created_timestamp": moment,
        }
    )
    schema = TABLES["viral_labels"]
    labels = pl.DataFrame(
        {name: 0.5 for name, dtype in schema.columns.items() if dtype == "!float64"}
        | {name: "x" for name, dtype in schema.columns.items() if dtype == "!string"}
        | {name: moment for name, dtype in schema.columns.items() if dtype.startswith("!timestamp")}
        | names
        | {
            "hashtag_id": ids,
            "label_timestamp": moment,
            "is_viral": outcome,
            "labeling_method": "automatic",
            "matured_at": [one + timedelta(hours=horizon) for one in moment],
        }
    )
    wh.append("predictions", said)
    wh.append("viral_labels", labels)


def all_measures(wh: Warehouse) -> list[DriftMeasure]:
    table, said, labels = (wh.table(name) for name in ("hashtag_features", "predictions", "viral_labels"))
    return [
        *feature_drift(at(wh), table, table, features=FEATURES, psi=RULES.features.psi),
        *score_drift(at(wh), said, horizons=[6], psi=RULES.scores.psi),
        *outcome_drift(at(wh), labels, horizons=[6], **RULES.outcomes.model_dump()),
        *residual_drift(at(wh), said, labels, horizons=[6], **RULES.residuals.model_dump()),
    ]


def test_without_drift_nothing_is_proposed(any_wh: Warehouse):
    features(any_wh, shift=0.0)
    predictions(any_wh, live=0.3, rehearsed=0.3, viral=0.3, learned=0.3)
    measures = all_measures(any_wh)
    assert all(one.value is not None for one in measures)
    judged = {one.name for one in measures if one.kind == "feature"}
    assert judged == {"velocity", "momentum_score", "views_1h"}  # an age drifts by nature
    assert not propose(SUBJECT, PERIODS, measures, RULES).is_proposed


def test_each_planted_drift_is_named_and_kept(any_wh: Warehouse):
    features(any_wh, shift=3.0)
    predictions(any_wh, live=0.6, rehearsed=0.2, viral=0.05, learned=0.2)
    proposal = propose(SUBJECT, PERIODS, all_measures(any_wh), RULES)
    assert [one.kind for one in proposal.measures if one.is_drifted] == ["feature", "score", "outcome", "residual"]
    assert proposal.reasons[0].startswith("1 of 3 features have moved (PSI from 0.25 on): velocity ")
    assert [reason.split()[1] for reason in proposal.reasons[1:]] == ["probabilities", "share", "predictions"]
    for _ in range(2):
        write_proposal(any_wh, proposal, clock=lambda: END)
    (row,) = newest_proposals(any_wh).to_dicts()
    assert (row["is_proposed"], json.loads(row["reasons"])) == (True, list(proposal.reasons))
    assert row["window_end"] == END
    assert len(json.loads(row["measures"])) == len(proposal.measures)


def test_the_residual_is_what_the_predictions_expected_beyond_what_came(wh: Warehouse):
    predictions(wh, live=0.4, rehearsed=0.4, viral=0.1, learned=0.4)
    (one,) = residual_drift(
        at(wh), wh.table("predictions"), wh.table("viral_labels"), horizons=[6], share=0.5, minimum_positives=1
    )
    over = END - timedelta(hours=6)
    said = wh.table("predictions").to_polars().filter(pl.col("issued_at").is_between(CUT, over, closed="right"))
    labels = (
        wh.table("viral_labels").to_polars().filter(pl.col("label_timestamp").is_between(CUT, over, closed="right"))
    )
    expected, seen = said["probability"].sum(), labels["is_viral"].sum()
    assert one.value == pytest.approx((expected - seen) / expected, rel=1e-9)
    assert one.records == said.height


def test_open_windows_of_which_only_positives_are_known_propose_nothing(any_wh: Warehouse):
    """36 of the newest 48 hours are open: with their positives the model would seem to miss half of what comes."""
    predictions(any_wh, live=0.2, rehearsed=0.2, viral=0.2, learned=0.2, tags=20, horizon=36)
    said, labels = any_wh.table("predictions"), any_wh.table("viral_labels")
    bounds = {"horizons": [36], "minimum_positives": 20}
    (outcome,) = outcome_drift(at(any_wh), labels, rate_ratio=2.0, **bounds)
    (residual,) = residual_drift(at(any_wh), said, labels, share=0.5, **bounds)
    assert outcome.records == residual.records == 12 * 20
    assert outcome.value < 1.3
    assert residual.value < 0.3


def test_few_records_or_positives_judge_nothing(wh: Warehouse):
    features(wh, shift=3.0)
    predictions(wh, live=0.9, rehearsed=0.1, viral=0.0, learned=0.01)
    rare = outcome_drift(at(wh), wh.table("viral_labels"), horizons=[6], rate_ratio=2.0, minimum_positives=30)
    assert rare[0].value is None
    strict = Measured(wh, load_feature_rules().model_copy(update={"minimum_records": 10_000}), PERIODS)
    table = wh.table("hashtag_features")
    assert {one.value for one in feature_drift(strict, table, table, features=FEATURES, psi=0.25)} == {None}
    assert score_drift(strict, wh.table("predictions"), horizons=[6], psi=0.25)[0].value is None
    assert not propose(SUBJECT, PERIODS, rare, RULES).is_proposed


def test_a_share_of_the_features_must_move():
    measures = [DriftMeasure("feature", f"f{n}", 0.3 if n < 2 else 0.1, 0.25, 500) for n in range(10)]
    reason = "2 of 10 features have moved (PSI from 0.25 on): f0 0.30, f1 0.30"
    assert propose(SUBJECT, PERIODS, measures, RULES).reasons == (reason,)
    assert not propose(SUBJECT, PERIODS, measures[1:], RULES).is_proposed  # one of nine


def test_the_window_never_overlaps_what_was_learned():
    learned = END - timedelta(hours=30)
    assert RULES.periods(newest=END, learned_until=learned) == Periods(
        learned - timedelta(hours=96), learned, learned, END
    )
    assert RULES.periods(newest=END, learned_until=END - timedelta(hours=200)).window_start == END - timedelta(hours=48)
    assert RULES.periods(newest=END, learned_until=END - timedelta(hours=23)) is None


def test_the_built_in_rules_load_and_a_wrong_one_is_named(tmp_path):
    assert load_drift_rules() == DriftRules()
    path = tmp_path / "drift.yaml"
    path.write_text("features: {psy: 1}\n")
    with pytest.raises(ConfigError, match=r"features\.psy"):
        load_drift_rules(path)
