import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from trenddrop.modeling.calibrate import Calibrator, fit_calibrator, logistic_line
from trenddrop.modeling.spec import Calibration


def draw(truth, *, rows=20_000, seed=0):
    rng = np.random.default_rng(seed)
    raw = expit(rng.normal(-2, 1.2, rows))
    return raw, rng.random(rows) < truth(raw)


def test_logistic_line_recovers_slope_and_intercept():
    raw, viral = draw(lambda p: expit(1.7 * logit(p) - 0.4), rows=200_000)
    slope, intercept = logistic_line(logit(raw), viral)
    assert slope == pytest.approx(1.7, abs=0.05)
    assert intercept == pytest.approx(-0.4, abs=0.08)


def test_platt_undoes_an_overconfident_model():
    raw, viral = draw(lambda p: expit(0.5 * logit(p) - 1))
    calibrated = fit_calibrator(raw, viral, Calibration(method="platt")).apply(raw)
    top = raw > np.quantile(raw, 0.9)
    assert calibrated[top].mean() == pytest.approx(viral[top].mean(), abs=0.02)
    assert raw[top].mean() > viral[top].mean() + 0.1


def test_auto_takes_isotonic_where_a_line_cannot_follow():
    raw, viral = draw(lambda p: np.where(p < 0.15, 0.02, 0.5))
    assert fit_calibrator(raw, viral, Calibration()).kind == "isotonic"


def test_auto_stays_with_platt_where_it_is_right_or_positives_are_few():
    raw, viral = draw(lambda p: expit(0.8 * logit(p)))
    assert fit_calibrator(raw, viral, Calibration()).kind == "platt"
    raw, viral = draw(lambda p: np.where(p < 0.15, 0.02, 0.5), rows=1_000)
    assert fit_calibrator(raw, viral, Calibration()).kind == "platt"


def test_a_block_without_both_outcomes_changes_nothing():
    raw = np.linspace(0.1, 0.9, 50)
    assert fit_calibrator(raw, np.zeros(50, dtype=bool), Calibration()) == Calibrator("none")
    assert fit_calibrator(raw, np.ones(50, dtype=bool), Calibration(method="isotonic")) == Calibrator("none")


def test_a_block_that_contradicts_the_model_mends_the_level_and_keeps_the_order():
    raw, viral = draw(lambda p: expit(-logit(p) - 4))
    calibrator = fit_calibrator(raw, viral, Calibration(method="platt"))
    assert calibrator.knots == (1.0,)


@pytest.mark.parametrize("method", ["platt", "isotonic", "auto", "none"])
@given(raw=st.lists(st.floats(0, 1), min_size=2, max_size=40))
@settings(deadline=None, max_examples=40)
def test_the_order_of_raw_scores_survives_and_odds_stay_finite(method, raw):
    learned, viral = draw(lambda p: expit(1.3 * logit(p) - 0.2), rows=500, seed=1)
    calibrator = fit_calibrator(learned, viral, Calibration(method=method))
    calibrated = calibrator.apply(np.sort(np.array(raw)))
    assert (np.diff(calibrated) >= 0).all()
    assert np.isfinite(logit(calibrated)).all()


def test_isotonic_tells_apart_scores_of_one_step():
    raw, viral = draw(lambda p: np.where(p < 0.15, 0.02, 0.5))
    calibrator = fit_calibrator(raw, viral, Calibration(method="isotonic"))
    assert (np.diff(calibrator.apply(np.linspace(0.01, 0.99, 50))) > 0).all()
