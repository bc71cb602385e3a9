import numpy as np
import polars as pl
import pytest
from scipy.special import expit, logit

from trenddrop.modeling import fit, load_model, predict, reasons, save_model
from trenddrop.modeling.horizon_model import mean_contributions, raw_scores
from trenddrop.modeling.linear import Companion, fit_linear, stack
from trenddrop.modeling.metrics import average_precision
from trenddrop.modeling.spec import Line


@pytest.fixture(scope="module")
def rows():
    """Log odds that are a straight line in two logarithms, and a column that is missing where they are high."""
    rng = np.random.default_rng(2)
    size = np.exp(rng.normal(3, 2, (6_000, 3)))
    odds = 0.8 * np.log1p(size[:, 0]) - 0.5 * np.log1p(size[:, 1]) - 2.5
    size[:, 2] = np.where(odds + rng.normal(0, 1, odds.size) > -1, np.nan, size[:, 2])
    empty = np.full((len(size), 1), np.nan)
    return np.hstack([size, empty]), rng.random(odds.size) < expit(odds), odds


def test_a_straight_line_is_found_and_a_column_without_values_left_out(rows):
    matrix, viral, odds = rows
    model = fit_linear(matrix, viral)
    assert model.used.tolist() == [0, 1, 2]
    assert np.corrcoef(model.log_odds(matrix), odds)[0, 1] > 0.97


def test_contributions_add_up_to_the_log_odds_and_flags_count_for_their_column(rows):
    matrix, viral, _ = rows
    model = fit_linear(matrix, viral)
    parts = model.contributions(matrix)
    np.testing.assert_allclose(parts.sum(axis=1) + model.intercept, model.log_odds(matrix))
    assert (parts[:, 3] == 0).all()
    known = ~np.isnan(matrix[:, 2])
    assert parts[~known, 2].mean() > parts[known, 2].mean()


def test_outcomes_that_are_all_alike_have_no_line(rows):
    assert fit_linear(rows[0], np.zeros(len(rows[0]), dtype=bool)) is None


def test_stacking_weighs_by_what_each_knows(rows):
    matrix, viral, odds = rows
    model, noise = fit_linear(matrix, viral), np.random.default_rng(1).normal(-2, 1, viral.size)
    blind = stack(expit(noise), model, matrix, viral)
    assert blind.tree_weight < 0.1
    assert blind.linear_weight == pytest.approx(1.0, abs=0.1)
    sure = stack(expit(odds), fit_linear(np.exp(noise)[:, None], viral), np.exp(noise)[:, None], viral)
    assert sure is None or sure.tree_weight == pytest.approx(1.0, abs=0.1)
    assert stack(expit(odds), fit_linear(matrix, ~viral), matrix, viral) is None  # a line that misleads


def test_trees_and_line_add_up_in_log_odds(rows):
    matrix, viral, _ = rows
    model, raw = fit_linear(matrix, viral), np.linspace(0.01, 0.9, len(matrix))
    expected = expit(0.5 * logit(raw) + 2 * model.log_odds(matrix) - 1)
    np.testing.assert_allclose(Companion(model, 0.5, 2.0, -1.0).combine(raw, matrix), expected)


@pytest.fixture(scope="module", params=["per_horizon", "hazard"])
def recipe(request, spec):
    return spec.model_copy(update={"kind": request.param, "line": Line()})


@pytest.fixture(scope="module")
def fitted(recipe, frame, features):
    return fit(frame, recipe, features=features)


def test_a_line_goes_with_the_trees_only_where_positives_are_few(fitted, frame, recipe, features, make_frame):
    assert all(one.companion is not None for one in fitted.horizons)
    few = recipe.model_copy(update={"line": Line(most_positives=100)})
    assert all(one.companion is None for one in fit(frame, few, features=features).horizons)
    later = make_frame(seed=9).drop_nulls("is_viral_6h")
    probability = predict(fitted, later)["probability_6h"].to_numpy()
    assert average_precision(later["is_viral_6h"].to_numpy(), probability) > 3 * later["is_viral_6h"].mean()


def test_what_was_kept_predicts_and_explains_the_same(fitted, frame, tmp_path):
    save_model(fitted, tmp_path)
    kept, rows = load_model(tmp_path), frame.head(300)
    assert predict(kept, rows).equals(predict(fitted, rows))
    assert reasons(kept, rows)["reasons"].equals(reasons(fitted, rows)["reasons"])


def test_contributions_of_trees_and_line_follow_the_raw_log_odds(fitted, frame):
    matrix = fitted.matrix(frame.head(400))
    for one in fitted.horizons:
        total = mean_contributions([one], matrix).sum(axis=1)
        assert np.corrcoef(total, logit(raw_scores([one], matrix)[0]))[0, 1] > 0.98


def test_the_order_of_rows_and_the_number_of_threads_change_no_bit(fitted, frame, recipe, features):
    again = fit(frame.sample(fraction=1.0, shuffle=True, seed=3), recipe, features=features, threads=3)
    assert predict(again, frame).equals(predict(fitted, frame))
    assert isinstance(predict(again, frame.head(0)), pl.DataFrame)
