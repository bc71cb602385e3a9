from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from trenddrop.core.progress import SILENT
from trenddrop.modeling import fingerprint, fit, load_model, predict, reasons, save_model
from trenddrop.modeling.hazard import person_periods
from trenddrop.modeling.horizon_model import mean_contributions, raw_scores
from trenddrop.modeling.matrix import design_matrix
from trenddrop.modeling.metrics import average_precision
from trenddrop.modeling.per_horizon import Recipe


@pytest.fixture(scope="module")
def recipe(spec):
    return spec.model_copy(update={"kind": "hazard"})


@pytest.fixture(scope="module")
def hazard(frame, recipe, features):
    return fit(frame, recipe, features=features)


def test_all_horizons_share_one_set_of_trees_and_read_the_step(hazard, features):
    assert [one.horizon for one in hazard.horizons] == [6, 12]
    assert [one.steps for one in hazard.horizons] == [(6,), (6, 12)]
    assert hazard.horizons[0].booster is hazard.horizons[1].booster
    assert hazard.horizons[0].booster.feature_name() == [*features, "step_h"]


def test_it_learns_and_is_calibrated(hazard, make_frame):
    later = make_frame(seed=9)
    probabilities = predict(hazard, later)
    for horizon in (6, 12):
        known = later[f"is_viral_{horizon}h"].is_not_null()
        viral = later.filter(known)[f"is_viral_{horizon}h"].to_numpy()
        probability = probabilities.filter(known)[f"probability_{horizon}h"].to_numpy()
        assert average_precision(viral, probability) > 3 * viral.mean()
        assert probability.mean() == pytest.approx(viral.mean(), rel=0.3)


def test_raw_probabilities_rise_with_the_horizon_before_anything_mends_them(hazard, frame):
    matrix = hazard.matrix(frame.head(2_000))
    short, long = raw_scores(hazard.horizons, matrix)
    assert (long > short).all()
    assert (long < 1).all()


def test_a_row_that_went_viral_in_a_step_says_nothing_of_later_steps(frame, recipe, features):
    gone = pl.col("is_viral_6h").fill_null(False)
    lied = frame.with_columns(is_viral_12h=pl.when(gone).then(None).otherwise("is_viral_12h"))
    once, again = (fit(rows, recipe, features=features).horizons[0].booster for rows in (frame, lied))
    assert once.model_to_string() == again.model_to_string()


def test_a_step_weighs_a_row_by_the_hours_that_it_is_about(spec):
    """Of a series without a gap every hour of a window is shared by as many rows as the step has hours."""
    hours = [datetime(2025, 6, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in range(100)]
    rows = pl.DataFrame({"hashtag_id": "tiktok:a", "event_timestamp": hours, "x": 0.0})
    rows = rows.with_columns(is_viral_6h=pl.lit(False), is_viral_24h=pl.lit(False))
    weighted = spec.model_copy(update={"kind": "hazard", "row_weights": "uniqueness"})
    periods, _ = person_periods(rows, design_matrix(rows, ["x"]), Recipe(weighted, ["x"], (6, 24), 1, SILENT))
    first, second = periods.weights.reshape(2, -1)
    assert first[50] == pytest.approx(1 / 6)
    assert second[50] == pytest.approx(1 / 18)


def test_two_fits_are_the_same_and_so_is_what_was_kept(frame, hazard, recipe, features, tmp_path):
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=3)
    assert fingerprint(fit(shuffled, recipe, features=features, threads=2)) == fingerprint(hazard)
    save_model(hazard, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hazard.txt", "model.json"]
    kept = load_model(tmp_path)
    rows = frame.head(500)
    assert predict(kept, rows).equals(predict(hazard, rows))
    assert reasons(kept, rows)["reasons"].equals(reasons(hazard, rows)["reasons"])


def test_contributions_name_what_moves_the_probability_and_not_the_step(hazard, frame):
    matrix = hazard.matrix(frame.head(300))
    for one in hazard.horizons:
        contributions = mean_contributions([one], matrix)
        assert contributions.shape == matrix.shape
        total, raw = contributions.sum(axis=1), np.log(raw_scores([one], matrix)[0])
        assert np.corrcoef(total, raw)[0, 1] > 0.95


def test_reasons_over_all_horizons_are_the_mean_of_each(hazard, model, frame):
    for fitted in (hazard, model):
        matrix = fitted.matrix(frame.head(200))
        each = [mean_contributions([one], matrix) for one in fitted.horizons]
        np.testing.assert_allclose(mean_contributions(fitted.horizons, matrix, threads=2), np.mean(each, axis=0))


def test_too_few_positives_and_a_short_period_are_met_as_with_a_model_per_horizon(frame, recipe, features):
    rows = frame.filter(pl.col("hashtag_id") < "tiktok:t12")
    rare = rows.with_columns(is_viral_6h=pl.int_range(pl.len()) < 3)
    first, second = fit(rare, recipe, features=features).horizons
    assert first.booster is None
    assert second.booster is not None
    short = frame.filter(pl.col("event_timestamp") < frame["event_timestamp"][0] + timedelta(hours=40))
    assert {one.calibrator.kind for one in fit(short, recipe, features=features).horizons} == {"none"}
