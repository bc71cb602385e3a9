from datetime import UTC, datetime

import pytest

from trenddrop.modeling.spec import Gate
from trenddrop.quality import FeatureAlert
from trenddrop.registry import Change, ModelVersion, judge, promote
from trenddrop.training.horizon_metrics import HorizonMetrics

GOOD = HorizonMetrics(
    rows=1000,
    positives=100,
    average_precision=0.3,
    ece=0.01,
    best_baseline="velocity_rank",
    ratio_intervals={"velocity_rank": (1.1, 1.3), "champion": (1.01, 1.2)},
)


def changed(**changes):
    values = {name: getattr(GOOD, name) for name in HorizonMetrics.__dataclass_fields__}
    return HorizonMetrics(**{**values, **changes})


def decide(metrics, gate, *, champion, champion_horizons=(6,), alerts=()):
    return judge(metrics, gate, champion=champion, champion_horizons=champion_horizons, alerts=alerts)


CHANGE = Change(datetime(2026, 1, 2, tzinfo=UTC), "job")


def test_a_model_that_beats_baseline_and_champion_is_promoted():
    decision = decide({6: GOOD}, Gate(), champion="compared")
    assert decision.promoted
    assert decision.reasons == ("6 h: ratio to velocity_rank is 1.100 to 1.300",)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"ratio_intervals": {"velocity_rank": (0.99, 1.3), "champion": (1.1, 1.2)}},
            "ratio to velocity_rank is 0.990",
        ),
        (
            {"ratio_intervals": {"velocity_rank": (1.1, 1.3), "champion": (1.0, 1.0)}},
            "ratio to champion is 1.000 to 1.0",
        ),
        ({"ratio_intervals": {}}, "no interval against velocity_rank: too few test days"),
        ({"ece": 0.2}, "calibration error 0.2, must be below 0.05"),
        ({"ece": None}, "calibration error None"),
        ({"average_precision": None}, "all test outcomes are alike"),
        ({"positives": 5}, "5 test positives decide nothing; at least 30"),
    ],
)
def test_each_rule_alone_holds_a_model_back(changes, reason):
    decision = decide({6: changed(**changes)}, Gate(), champion="compared")
    assert not decision.promoted
    assert any(reason in text for text in decision.reasons)


def test_without_a_serving_champion_the_baselines_alone_decide():
    losing = changed(ratio_intervals={"velocity_rank": (1.1, 1.3)})
    assert decide({6: losing}, Gate(), champion="absent").promoted
    assert decide({6: losing}, Gate(), champion="cannot_serve").promoted
    assert not decide({6: losing}, Gate(), champion="saw_test").promoted


def test_a_horizon_that_the_champion_lacks_need_not_beat_it():
    alone = changed(ratio_intervals={"velocity_rank": (1.1, 1.3)})
    assert decide({6: GOOD, 48: alone}, Gate(), champion="compared").promoted
    worse = changed(ratio_intervals={"velocity_rank": (0.9, 1.3)})
    reasons = decide({6: GOOD, 48: worse}, Gate(), champion="compared").reasons
    assert reasons == ("48 h: ratio to velocity_rank is 0.900 to 1.300, must be above 1",)


@pytest.mark.parametrize("gate", [Gate(), Gate(horizons=(6,))], ids=["all_horizons", "one_horizon"])
def test_a_horizon_of_the_champion_is_not_lost(gate):
    horizons = (6, 24, 48)
    decision = decide({6: GOOD}, gate, champion="compared", champion_horizons=horizons)
    assert decision.reasons == ("the champion has 24, 48 h, this model does not",)
    assert not decision.promoted
    assert decide({6: GOOD}, gate, champion="cannot_serve", champion_horizons=horizons).promoted


def test_every_judged_horizon_must_pass_and_all_failures_are_told():
    bad = changed(ece=0.2, positives=40, ratio_intervals={})
    decision = decide({6: bad, 12: GOOD, 24: bad}, Gate(), champion="absent")
    assert [text.split(":")[0] for text in decision.reasons] == ["6 h", "6 h", "24 h", "24 h"]
    assert decide({6: bad, 12: GOOD}, Gate(horizons=(12,)), champion="absent").promoted


def test_a_missing_horizon_or_none_at_all_is_no_success():
    assert decide({6: GOOD}, Gate(horizons=(48,)), champion="absent").reasons == ("48 h: not in this model",)
    assert not decide({}, Gate(), champion="absent").promoted


def test_promotion_moves_both_aliases_and_refusal_only_the_challenger(registry):
    promote(registry, "m", "1", decide({6: GOOD}, Gate(), champion="absent"), change=CHANGE)
    assert registry.aliases == {"challenger": "1", "champion": "1"}
    promote(registry, "m", "2", decide({}, Gate(), champion="absent"), change=CHANGE)
    assert registry.aliases == {"challenger": "2", "champion": "1"}


def test_versions_are_values():
    assert ModelVersion("m", "1", "f", "r") == ModelVersion("m", "1", "f", "r")


def test_the_version_that_is_the_champion_stays_it(registry):
    promote(registry, "m", "1", decide({6: GOOD}, Gate(), champion="absent"), change=CHANGE)
    again = promote(registry, "m", "1", decide({}, Gate(), champion="compared"), change=CHANGE)
    assert again.promoted
    assert registry.aliases == {"challenger": "1", "champion": "1"}


def alert(feature, severity="critical"):
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    return FeatureAlert(feature, "hashtag_features", "weibo", "null_rise", 0.61, severity, moment)


def test_a_quality_alert_holds_a_model_back_that_beats_everyone_and_is_named():
    decision = decide({6: GOOD}, Gate(), champion="compared", alerts=[alert("velocity")])
    assert not decision.promoted
    assert decision.reasons[0] == (
        "critical quality alert: hashtag_features.velocity on weibo: more nulls than in the baseline (null_rise 0.61)"
    )
    assert "trenddrop features quality" in decision.reasons[-1]


def test_many_alerts_are_counted_and_the_other_failures_are_told_too():
    decision = decide(
        {6: changed(ece=0.2)}, Gate(), champion="compared", alerts=[alert(f"f{n}", "high") for n in range(5)]
    )
    assert [reason.split(":")[0] for reason in decision.reasons[:3]] == ["high quality alert"] * 3
    assert decision.reasons[3] == "2 more quality alerts"
    assert decision.reasons[-1].startswith("6 h: calibration error")


@pytest.mark.parametrize(
    ("slope", "says"),
    [
        (0.5, "6 h: calibration slope 0.500, must be 0.7 to 1.4"),
        (None, "6 h: calibration slope unknown, must be 0.7 to 1.4"),
    ],
)
def test_a_slope_outside_of_its_bounds_holds_a_model_back(slope, says):
    bounded = Gate(slope_within=(0.7, 1.4))
    assert decide({6: changed(calibration_slope=slope)}, bounded, champion="compared").reasons == (says,)
    assert decide({6: changed(calibration_slope=1.1)}, bounded, champion="compared").promoted
    assert decide({6: changed(calibration_slope=slope)}, Gate(), champion="compared").promoted
