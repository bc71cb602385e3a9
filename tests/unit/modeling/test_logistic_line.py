import numpy as np
import pytest
from scipy.special import expit

from trenddrop.modeling.logistic_line import logistic_line


@pytest.mark.parametrize("middle", [-12.0, -8.5, 0.0, 8.5])
def test_logistic_line_finds_the_optimum_where_a_full_newton_step_overshoots(middle):
    rng = np.random.default_rng(3)
    odds = np.concatenate([rng.normal(middle, 1.5, 13_000), rng.normal(-middle / 4, 1.0, 300)])
    viral = rng.random(odds.size) < expit(odds)
    slope, intercept = logistic_line(odds, viral)
    missed = viral - expit(slope * odds + intercept)
    assert slope > 0
    assert [missed.sum(), (missed * odds).sum()] == pytest.approx([0.0, 0.0], abs=1e-5)  # the score equations


@pytest.mark.parametrize(("rows", "low", "high"), [(100, 0.85, 1.0), (300_000, 0.49, 0.51)])
def test_a_prior_slope_gives_way_to_many_outcomes_and_not_to_few(rows, low, high):
    rng = np.random.default_rng(3)
    odds = rng.normal(-2, 1, rows)
    viral = rng.random(rows) < expit(0.5 * odds)
    free, _ = logistic_line(odds, viral)
    held, _ = logistic_line(odds, viral, slope_sd=0.1)
    assert low <= held <= high
    assert free < held  # towards 1


def test_logistic_line_recovers_slope_and_intercept():
    rng = np.random.default_rng(0)
    odds = rng.normal(-2, 1.2, 200_000)
    slope, intercept = logistic_line(odds, rng.random(odds.size) < expit(1.7 * odds - 0.4))
    assert slope == pytest.approx(1.7, abs=0.05)
    assert intercept == pytest.approx(-0.4, abs=0.08)
