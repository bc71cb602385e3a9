from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from trenddrop.modeling.calibrate import METHODS, Calibrator, compare, fit_calibrator
from trenddrop.modeling.spec import Calibration


def draw(truth, *, rows=20_000, seed=0):
    rng = np.random.default_rng(seed)
    raw = expit(rng.normal(-2, 1.2, rows))
    return raw, rng.random(rows) < truth(raw)


def test_platt_undoes_an_overconfident_model():
    raw, viral = draw(lambda p: expit(0.5 * logit(p) - 1))
    calibrated = fit_calibrator(raw, viral, Calibration(method="platt"))[0].apply(raw)
    top = raw > np.quantile(raw, 0.9)
    assert calibrated[top].mean() == pytest.approx(viral[top].mean(), abs=0.02)
    assert raw[top].mean() > viral[top].mean() + 0.1


def test_auto_takes_the_method_that_did_best_on_later_days_where_a_line_cannot_follow():
    raw, viral = draw(lambda p: np.where(p < 0.15, 0.02, 0.5))
    calibrator, trials = fit_calibrator(raw, viral, Calibration())
    assert [one.kind for one in trials] == ["platt", "isotonic", "venn_abers"]
    assert calibrator.kind == min(trials, key=lambda one: one.log_loss).kind != "platt"
    by_kind = {one.kind: one for one in trials}
    assert by_kind["venn_abers"].ece < 0.02 < by_kind["platt"].ece


def test_methods_are_judged_on_later_days_only():
    raw, viral = draw(lambda p: p)
    wrong = np.where(np.arange(raw.size) < raw.size // 5, ~viral, viral)
    _, honest = fit_calibrator(raw, viral, Calibration())
    _, misled = fit_calibrator(raw, wrong, Calibration())
    known = slice(2 * raw.size // 5, None)
    expected = -np.mean(np.log(np.where(viral[known], raw[known], 1 - raw[known])))
    assert honest[0].log_loss == pytest.approx(expected, rel=0.01)
    assert misled[0].log_loss > 1.02 * honest[0].log_loss
    assert honest[0].slope == pytest.approx(1.0, abs=0.1)
    assert honest[0].ece < 0.015


def test_rows_of_one_probability_are_judged_together_in_whatever_order_they_come():
    raw = np.tile(np.repeat([0.2, 0.6], 100), 5)
    viral = np.tile(np.repeat([True, False, True, False], [20, 80, 60, 40]), 5)
    _, trials = compare(raw, viral)
    assert {one.kind: one.ece for one in trials} == pytest.approx(dict.fromkeys(METHODS, 0.0), abs=0.01)


def test_auto_stays_with_platt_where_it_is_right_or_positives_are_few():
    raw, viral = draw(lambda p: expit(0.8 * logit(p)))
    assert fit_calibrator(raw, viral, Calibration())[0].kind == "platt"
    raw, viral = draw(lambda p: np.where(p < 0.15, 0.02, 0.5), rows=1_000)
    assert fit_calibrator(raw, viral, Calibration())[0].kind == "platt"


def test_a_block_without_both_outcomes_changes_nothing():
    raw = np.linspace(0.1, 0.9, 50)
    assert fit_calibrator(raw, np.zeros(50, dtype=bool), Calibration()) == (Calibrator("none"), ())
    assert fit_calibrator(raw, np.ones(50, dtype=bool), Calibration(method="isotonic")) == (Calibrator("none"), ())


def test_a_block_that_contradicts_the_model_mends_the_level_and_keeps_the_order():
    raw, viral = draw(lambda p: expit(-logit(p) - 4))
    calibrator, _ = fit_calibrator(raw, viral, Calibration(method="platt"))
    assert calibrator.knots == (1.0,)


@cache
def learned(method):
    raw, viral = draw(lambda p: expit(1.3 * logit(p) - 0.2), rows=500, seed=1)
    return fit_calibrator(raw, viral, Calibration(method=method))[0]


@pytest.mark.parametrize("method", ["platt", "isotonic", "venn_abers", "auto", "none"])
@given(raw=st.lists(st.floats(0, 1), min_size=2, max_size=40))
@settings(deadline=None, max_examples=40)
def test_the_order_of_raw_scores_survives_and_odds_stay_finite(method, raw):
    calibrated = learned(method).apply(np.sort(np.array(raw)))
    assert (np.diff(calibrated) >= 0).all()
    assert np.isfinite(logit(calibrated)).all()


@pytest.mark.parametrize("method", ["isotonic", "venn_abers"])
def test_steps_tell_apart_their_scores(method):
    raw, viral = draw(lambda p: np.where(p < 0.15, 0.02, 0.5))
    calibrator, _ = fit_calibrator(raw, viral, Calibration(method=method))
    assert (np.diff(calibrator.apply(np.linspace(0.01, 0.99, 50))) > 0).all()
