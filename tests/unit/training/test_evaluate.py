import numpy as np
import polars as pl
import pytest

from trenddrop.modeling import predict
from trenddrop.training.evaluate import CHAMPION, MODEL, evaluate
from trenddrop.training.horizon_metrics import HorizonMetrics


@pytest.fixture(scope="module")
def halves(model, make_frame):
    train, test = make_frame(seed=5, days=8), make_frame(seed=6, days=8)
    return train, test.with_columns(predict(model, test).select(pl.col("^probability_.*$")))


@pytest.fixture(scope="module")
def evaluation(halves, spec):
    return evaluate(*halves, spec, features=("heat", "views_1h", "empty"), horizon=6)


def test_model_and_rivals_are_judged_on_the_same_known_rows(evaluation, halves):
    known = halves[1]["is_viral_6h"].drop_nulls()
    assert evaluation.metrics.rows == known.len()
    assert evaluation.metrics.positives == known.sum()
    assert evaluation.metrics.prevalence == known.mean() == pytest.approx(evaluation.metrics.baselines["prevalence"])
    assert {score.size for score in evaluation.scores.values()} == {known.len()}
    assert set(evaluation.metrics.baselines) == {"prevalence", "rank_by_score", "logistic_regression"}


def test_intervals_hold_their_figures_and_ratios_name_every_rival(evaluation):
    one = evaluation.metrics
    assert one.interval[0] < one.average_precision < one.interval[1]
    for name, (low, high) in one.baseline_intervals.items():
        assert low <= one.baselines[name] <= high
        assert one.ratio_intervals[name][0] < one.average_precision / one.baselines[name] < one.ratio_intervals[name][1]
    assert one.best_baseline == "logistic_regression"
    assert one.ratio_to_best_baseline == one.average_precision / one.baselines["logistic_regression"]
    assert one.days == 8


def test_figures_repeat_bit_by_bit(evaluation, halves, spec):
    again = evaluate(*halves, spec, features=("heat", "views_1h", "empty"), horizon=6)
    assert again.metrics == evaluation.metrics


def test_a_champion_with_the_same_scores_has_ratio_one(halves, spec):
    train, test = halves
    rival = test.with_columns(champion_probability_6h=pl.col("probability_6h"))
    one = evaluate(train, rival, spec, features=("heat",), horizon=6)
    assert one.metrics.ratio_intervals[CHAMPION] == (1.0, 1.0)
    assert one.metrics.champion_average_precision == one.metrics.average_precision
    assert CHAMPION not in one.metrics.baselines


@pytest.mark.parametrize("outcome", [True, False])
def test_outcomes_that_are_all_alike_decide_nothing(halves, spec, outcome):
    train, test = halves
    one = evaluate(train, test.with_columns(is_viral_6h=pl.lit(outcome)), spec, features=("heat",), horizon=6)
    kind = "positive" if outcome else "negative"
    assert one.metrics == HorizonMetrics(
        rows=test.height,
        positives=test.height * outcome,
        candidates=test.height,
        calibration_prevalence=one.metrics.calibration_prevalence,
        limits=(f"all {test.height} known outcomes are {kind}: nothing to rank",),
    )
    assert np.array_equal(one.scores[MODEL], test["probability_6h"])


def test_a_single_day_has_figures_without_intervals(halves, spec):
    train, test = halves
    day = test.filter(pl.col("event_timestamp").dt.date() == test["event_timestamp"][2000].date())
    one = evaluate(train, day, spec, features=("heat",), horizon=6).metrics
    assert one.average_precision is not None
    assert one.interval is None
    assert one.ratio_intervals == {}
