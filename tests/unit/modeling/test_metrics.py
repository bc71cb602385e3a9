import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from trenddrop.modeling.metrics import (
    average_precision,
    brier_skill,
    calibration_slope,
    expected_calibration_error,
    precision_at_k,
    reliability,
)


def outcomes(*bits):
    return np.array(bits, dtype=bool)


def test_average_precision_by_hand_and_of_a_constant():
    assert average_precision(outcomes(1, 0, 1), np.array([0.9, 0.5, 0.1])) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision(outcomes(1, 0, 0, 0), np.full(4, 0.3)) == 0.25
    assert average_precision(outcomes(0, 0), np.array([0.1, 0.2])) is None


def test_brier_skill_is_one_for_an_oracle_zero_for_the_prevalence_and_none_for_one_class():
    viral = outcomes(1, 0, 0, 0)
    assert brier_skill(viral, viral.astype(float)) == 1.0
    assert brier_skill(viral, np.full(4, 0.25)) == pytest.approx(0.0)
    assert brier_skill(outcomes(0, 0), np.array([0.1, 0.2])) is None


def test_calibration_slope_finds_too_sure_and_right():
    rng = np.random.default_rng(0)
    odds = rng.normal(-1, 1, 50_000)
    viral = rng.random(odds.size) < expit(odds)
    assert calibration_slope(viral, expit(odds)) == pytest.approx(1.0, abs=0.05)
    assert calibration_slope(viral, expit(2 * odds)) == pytest.approx(0.5, abs=0.05)
    assert calibration_slope(viral, np.full(odds.size, 0.2)) is None


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.5, 0.9]), st.booleans()), min_size=1, max_size=60), st.randoms())
@settings(deadline=None, max_examples=60)
def test_bins_share_no_probability_hold_every_row_and_ignore_row_order(rows, random):
    probability, viral = np.array([p for p, _ in rows]), outcomes(*(v for _, v in rows))
    curve = reliability(viral, probability, bins=5)
    assert curve.rows.sum() == len(rows)
    assert (np.diff(curve.predicted) > 0).all()
    order = np.array(random.sample(range(len(rows)), len(rows)))
    assert expected_calibration_error(viral[order], probability[order]) == pytest.approx(
        expected_calibration_error(viral, probability)
    )


def test_precision_at_k_averages_hours_and_counts_short_ones_whole():
    hours = pl.DataFrame(
        {
            "event_timestamp": [0, 0, 0, 1],
            "hashtag_id": ["a", "b", "c", "a"],
            "p": [0.1, 0.8, 0.9, 0.5],
            "viral": [True, False, True, True],
        }
    )
    assert precision_at_k(hours, score="p", viral="viral", k=2) == ((0.5 + 1) / 2, 1.0)
    assert precision_at_k(hours.sample(fraction=1.0, shuffle=True, seed=2), score="p", viral="viral", k=1) == (1.0, 1.0)
