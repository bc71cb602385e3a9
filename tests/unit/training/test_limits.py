from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import average_precision_score

from trenddrop.modeling.spec import Bars
from trenddrop.training.horizon_metrics import HorizonMetrics
from trenddrop.training.limits import bars_cleared, if_exact, limits

CLEAR = {
    "rows": 10_000,
    "positives": 1_000,
    "days": 100,
    "candidates": 10_100,
    "prevalence": 0.1,
    "calibration_prevalence": 0.102,
    "mean_probability": 0.1,
    "distinct_positives": 990,
    "baselines": {"prevalence": 0.1, "logistic_regression": 0.3},
    "best_baseline": "logistic_regression",
    "average_precision": 0.42,
    "ratio_to_best_baseline": 1.4,
    "ratio_intervals": {"logistic_regression": (1.2, 1.6)},
    "intervals": {"calibration_slope": (0.95, 1.15)},
    "brier_skill": 0.2,
    "calibration_slope": 1.05,
    "ece": 0.005,
    "effective_days": 80.0,
    "exact_ece": 0.008,
    "exact_average_precision": 0.41,
}


def judged(**changes):
    return HorizonMetrics(**{**CLEAR, **changes})


def test_figures_that_clear_every_bar_have_no_limits():
    assert set(bars_cleared(judged(), Bars()).values()) == {True}
    assert limits(judged(), Bars()) == ()


@pytest.mark.parametrize(
    ("changes", "bar"),
    [
        ({"ratio_to_best_baseline": 1.34}, "baseline_ratio"),
        ({"ratio_intervals": {"logistic_regression": (1.0, 1.8)}}, "baseline_ratio_above"),
        ({"brier_skill": 0.0}, "brier_skill_above"),
        ({"calibration_slope": 1.11}, "calibration_slope"),
        ({"calibration_slope": 0.89}, "calibration_slope"),
        ({"ece": 0.011}, "ece"),
    ],
)
def test_each_bar_is_missed_by_its_own_figure_alone(changes, bar):
    assert [name for name, cleared in bars_cleared(judged(**changes), Bars()).items() if not cleared] == [bar]


def test_what_was_not_decided_is_neither_cleared_nor_missed():
    assert set(bars_cleared(HorizonMetrics(rows=5, positives=0), Bars()).values()) == {None}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rows": 0, "positives": 0}, "no test row has a known outcome"),
        (
            {"positives": 10_000, "prevalence": 1.0, "distinct_positives": 9_000},
            "all 10000 known outcomes are positive",
        ),
        ({"positives": 99, "distinct_positives": 90}, "only 99 of 10000 known outcomes are positive"),
        ({"positives": 9_950, "distinct_positives": 9_000}, "only 50 of 10000 known outcomes are negative"),
        ({"distinct_positives": 400}, "the 1000 positives are 400 different ones"),
        ({"effective_days": 12.34}, "the 1000 positives are spread over 100 days as unevenly as if all fell on 12.3"),
        ({"candidates": 40_000}, "the outcome of 30000 of 40000 test rows (75%) is unknown"),
        ({"calibration_prevalence": 0.12}, "moved from 0.1200 in the block that calibrated to 0.1000"),
        ({"baselines": {"logistic_regression": 0.8}}, "a perfect ranking would reach 1.25 times the 0.800"),
        ({"ratio_to_best_baseline": 1.3}, "the interval of the ratio, 1.20 to 1.60, holds 1.35"),
        (
            {"ratio_to_best_baseline": 1.3, "exact_average_precision": 0.392},
            "expected to reach 0.392 (0.420 was found): 1.35 times logistic_regression, 0.405, asks",
        ),
        ({"calibration_slope": 1.12}, "the interval of the calibration slope, 0.95 to 1.15, reaches 0.9 to 1.1"),
        ({"ece": 0.02, "exact_ece": 0.015}, "calibration error of up to 0.0150 by chance"),
    ],
)
def test_what_the_data_do_not_allow_is_said_in_words(changes, said):
    assert said in "; ".join(limits(judged(**changes), Bars()))


def test_a_miss_that_the_rows_decide_is_not_blamed_on_them():
    certain = {
        "ratio_to_best_baseline": 1.1,
        "ratio_intervals": {"logistic_regression": (1.05, 1.2)},
        "calibration_slope": 0.7,
        "intervals": {"calibration_slope": (0.65, 0.75)},
        "ece": 0.03,
    }
    assert limits(judged(**certain), Bars()) == ()
    assert limits(judged(**certain, exact_average_precision=0.3), Bars()) == ()  # wrong probabilities promise nothing


def outcomes(hashtags, hours, *, apart=1):
    moments = [datetime(2025, 6, 1, tzinfo=UTC) + timedelta(hours=apart * hour) for hour in range(hours)]
    tags = pl.DataFrame({"hashtag_id": [f"t{i}" for i in range(hashtags)]})
    return tags.join(pl.DataFrame({"event_timestamp": moments}), how="cross")


def test_exact_probabilities_err_by_chance_and_more_where_outcomes_overlap():
    rng = np.random.default_rng(3)
    apart, overlapping = outcomes(50, 120, apart=24), outcomes(50, 120)
    probability = rng.uniform(0.05, 0.4, apart.height)
    alone = if_exact(apart, probability, 24, rng=np.random.default_rng(1))
    together = if_exact(overlapping, probability, 24, rng=np.random.default_rng(1))
    chance = np.sqrt(0.2 * 0.8 / (apart.height / 15))  # of one bin of independent rows
    assert 0.4 * chance < alone.ece < 1.5 * chance
    assert together.ece > 2 * alone.ece


def test_no_order_is_expected_to_reach_more_than_exact_probabilities_do():
    rng = np.random.default_rng(4)
    rows = outcomes(400, 12, apart=24)
    probability = rng.beta(0.3, 2.0, rows.height)
    expected = if_exact(rows, probability, 24, rng=np.random.default_rng(1)).average_precision
    reached = [
        np.mean([average_precision_score(rng.random(rows.height) < probability, score) for _ in range(10)])
        for score in (probability, probability + rng.normal(0, 0.1, rows.height), np.sqrt(probability))
    ]
    assert expected == pytest.approx(reached[0], abs=0.02) == pytest.approx(reached[2], abs=0.02)
    assert reached[1] < expected - 0.03
