from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from trenddrop.modeling.boost import fixed_params
from trenddrop.modeling.outcomes import OutcomeRecipe, Outcomes, fit_outcomes, outcome_columns
from trenddrop.training import detail_plots
from trenddrop.training.peaks import flat_outcomes, judge_outcome

HORIZON = 12


def with_peaks(frame, seed):
    rng = np.random.default_rng(seed)
    views = np.floor(frame["views_1h"].to_numpy() * np.exp(rng.normal(0.5, 0.4, frame.height)))
    return frame.with_columns(
        hours_to_peak_12h=pl.Series(rng.integers(1, HORIZON + 1, frame.height).astype(float)),
        peak_views_12h=pl.Series(views),
    )


@pytest.fixture(scope="module")
def world(model, frame, make_frame, spec, features):
    """A model of peaks, its training rows and test rows of another world."""
    train, test = with_peaks(frame, 1), with_peaks(make_frame(seed=7, days=10), 2)
    recipe = OutcomeRecipe(Outcomes(maximum_rounds=60), fixed_params(spec, 1), 0.2, timedelta(hours=48))
    outcomes = fit_outcomes(train, recipe, features=features, horizon=HORIZON)
    return train, test, replace(model, outcomes=outcomes)


@pytest.fixture(scope="module")
def judged(world):
    train, test, model = world
    return {one.target: judge_outcome(train, test, one, model).metrics for one in model.outcomes}


def loss_of(actual, predicted):
    """Plain loops over rows and quantiles."""
    total = 0.0
    for value, row in zip(actual, predicted, strict=True):
        for level, guess in zip((0.1, 0.5, 0.9), row, strict=True):
            total += level * (value - guess) if value >= guess else (1 - level) * (guess - value)
    return total / (3 * len(actual))


@pytest.mark.parametrize(("quantiles", "share"), [((0.1, 0.5, 0.9), "80 %"), ((0.025, 0.5, 0.975), "95 %")])
def test_the_drawn_band_says_what_its_quantiles_hold(quantiles, share, world, monkeypatch):
    train, test, model = world
    one = judge_outcome(train, test, model.outcomes[0], model)
    one = replace(one, metrics=replace(one.metrics, quantiles=quantiles))
    figures = []
    monkeypatch.setattr(detail_plots, "png", lambda figure: figures.append(figure) or b"")
    detail_plots.draw_detail_plots({}, {}, [one])
    assert f"predicted band of {share}" in {text.get_text() for text in figures[0].axes[0].get_legend().get_texts()}


def test_the_figures_are_those_of_plain_loops(world, judged, features):
    train, test, model = world
    rows = test.filter(pl.col("is_viral_12h").is_not_null())
    said = outcome_columns(rows, model.outcomes, features=features)
    actual = np.log1p(rows["peak_views_12h"].to_numpy())
    bands = np.log1p(said.select("peak_views_low", "peak_views", "peak_views_high").to_numpy())
    one = judged["peak_views"]
    assert one.rows == rows.height
    assert one.loss == pytest.approx(loss_of(actual, bands))
    assert one.coverage == pytest.approx(((bands[:, 0] <= actual) & (actual <= bands[:, 2])).mean(), abs=1e-3)
    assert one.median_error == pytest.approx(np.exp(np.median(np.abs(actual - bands[:, 1]))))
    taught = train.filter(pl.col("is_viral_12h").is_not_null())
    constant = np.quantile(np.log1p(taught["peak_views_12h"].to_numpy()), [0.1, 0.5, 0.9])
    assert one.baselines["training_period"] == pytest.approx(
        loss_of(actual, np.tile(constant, (rows.height, 1))), rel=1e-3
    )
    steps = np.log1p(taught["peak_views_12h"].to_numpy()) - np.log1p(taught["views_1h"].to_numpy())
    now = np.log1p(rows["views_1h"].to_numpy())[:, None] + np.quantile(steps, [0.1, 0.5, 0.9])
    assert one.baselines["persistence"] == pytest.approx(loss_of(actual, now), rel=1e-3)


def test_what_can_be_predicted_beats_the_constant_and_what_cannot_does_not(judged):
    views, hours = judged["peak_views"], judged["hours_to_peak"]
    assert views.loss < views.baselines["training_period"]
    assert views.best_baseline == "persistence"  # the views of this world are the current ones with noise
    assert views.skill == pytest.approx(1 - views.loss / views.baselines["persistence"])
    assert abs(hours.skill) < 0.05
    for one in judged.values():
        assert one.skill_interval[0] <= one.skill <= one.skill_interval[1]
        assert one.coverage_interval[0] <= one.coverage <= one.coverage_interval[1]
        assert one.coverage == pytest.approx(0.8, abs=0.08)


def test_flat_names_hold_the_figures(judged):
    flat = flat_outcomes(judged)
    assert flat["peak_views_skill"] == judged["peak_views"].skill
    assert flat["peak_views_baseline_persistence"] == judged["peak_views"].baselines["persistence"]
    assert flat["hours_to_peak_coverage_low"] == judged["hours_to_peak"].coverage_interval[0]
    assert all(isinstance(value, float) for value in flat.values())


def test_without_test_rows_there_is_nothing_to_judge_and_one_day_has_no_interval(world):
    train, test, model = world
    assert judge_outcome(train, test.clear(), model.outcomes[0], model) is None
    day = test.filter(pl.col("event_timestamp").dt.date() == test["event_timestamp"].dt.date()[100])
    assert judge_outcome(train, day, model.outcomes[0], model).metrics.skill_interval is None
