from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from trenddrop.core.errors import IntegrityError
from trenddrop.modeling import fingerprint, load_model, save_model
from trenddrop.modeling.boost import fixed_params
from trenddrop.modeling.matrix import design_matrix
from trenddrop.modeling.outcomes import (
    OutcomeRecipe,
    Outcomes,
    fit_outcomes,
    known_outcomes,
    outcome_column,
    outcome_columns,
)

HORIZON = 12


def with_peaks(frame, seed=0):
    """The later the hour of day the sooner the peak; the views follow the heat, with noise that grows at night."""
    rng = np.random.default_rng(seed)
    late = frame["hour_of_day"].to_numpy()
    hours = np.clip(np.round(HORIZON - late / 2 + rng.normal(0, 1, frame.height)), 1, HORIZON)
    ends = frame["event_timestamp"] > frame["event_timestamp"].max() - timedelta(hours=HORIZON)
    seen = ends & frame["hashtag_id"].is_in(["tiktok:t01", "tiktok:t02"])  # of the last hours events alone are known
    frame = frame.with_columns(is_viral_12h=pl.when(seen).then(True).otherwise("is_viral_12h"))
    views = np.floor(np.exp(8 + frame["heat"].to_numpy() + rng.normal(0, 0.2 + 0.03 * late)))
    return frame.with_columns(
        pl.Series(outcome_column("hours_to_peak", HORIZON), hours),
        pl.Series(outcome_column("peak_views", HORIZON), views),
    )


@pytest.fixture(scope="module")
def recipe(spec):
    return OutcomeRecipe(Outcomes(maximum_rounds=60), fixed_params(spec, 1), 0.2, timedelta(hours=48))


@pytest.fixture(scope="module")
def peaks(frame):
    return with_peaks(frame)


@pytest.fixture(scope="module")
def fitted(peaks, recipe, features):
    return fit_outcomes(peaks, recipe, features=features, horizon=HORIZON)


def test_quantiles_never_cross_and_stay_where_the_target_can_be(fitted, make_frame, features):
    new = make_frame(seed=9, days=8).with_columns(heat=pl.col("heat") * 3)  # further out than anything learned
    columns = outcome_columns(new, fitted, features=features)
    for target in ("hours_to_peak", "peak_views"):
        assert (columns[f"{target}_low"] <= columns[target]).all()
        assert (columns[target] <= columns[f"{target}_high"]).all()
    assert columns["hours_to_peak_low"].min() >= 1
    assert columns["hours_to_peak_high"].max() <= HORIZON
    assert columns["peak_views_low"].min() >= 0


def test_the_band_holds_its_share_of_later_rows_and_follows_what_drives_it(fitted, make_frame, features):
    later = with_peaks(make_frame(seed=3, days=10), seed=4)
    columns = outcome_columns(later, fitted, features=features)
    for target in ("hours_to_peak", "peak_views"):
        actual = later[outcome_column(target, HORIZON)]
        inside = ((columns[f"{target}_low"] <= actual) & (actual <= columns[f"{target}_high"])).mean()
        assert inside == pytest.approx(0.8, abs=0.06)
    night = later["hour_of_day"] > 20
    assert columns.filter(night)["hours_to_peak"].mean() < columns.filter(~night)["hours_to_peak"].mean() - 2
    hot = later["heat"] > 1
    assert columns.filter(hot)["peak_views"].median() > 3 * columns.filter(~hot)["peak_views"].median()


def test_unknown_labels_and_hours_of_which_events_alone_are_known_teach_nothing(peaks, recipe, features, fitted):
    """Changing the peaks of censored rows changes no bit of the model."""
    known = known_outcomes(peaks, "peak_views", HORIZON)
    assert known["is_viral_12h"].null_count() == 0
    last = known["event_timestamp"].max()
    assert last == peaks.filter(~pl.col("is_viral_12h"))["event_timestamp"].max()
    censored = pl.col("is_viral_12h").is_null() | (pl.col("event_timestamp") > last)
    lied = peaks.with_columns(
        pl.when(censored).then(1e9).otherwise(pl.col("peak_views_12h")).alias("peak_views_12h"),
        pl.when(censored).then(1.0).otherwise(pl.col("hours_to_peak_12h")).alias("hours_to_peak_12h"),
    )
    assert lied.filter(censored).height > 0
    again = fit_outcomes(lied, recipe, features=features, horizon=HORIZON)
    assert columns_of(again, peaks, features).equals(columns_of(fitted, peaks, features))


def columns_of(outcomes, frame, features):
    return outcome_columns(frame.head(500), outcomes, features=features)


def test_the_order_of_rows_and_the_threads_change_nothing(peaks, recipe, features, fitted):
    again = fit_outcomes(peaks.reverse(), replace(recipe, threads=3), features=features, horizon=HORIZON)
    assert columns_of(again, peaks, features).equals(columns_of(fitted, peaks, features))


def test_many_rows_are_thinned_over_the_whole_period(peaks, recipe, features):
    few = replace(recipe, config=Outcomes(maximum_rounds=5, maximum_rows=2000))
    hours, views = fit_outcomes(peaks, few, features=features, horizon=HORIZON)
    assert (hours.rows, views.rows) == (2000, 2000)


def test_a_target_that_nobody_knows_is_left_out(peaks, recipe, features):
    blind = peaks.with_columns(peak_views_12h=pl.lit(None, dtype=pl.Float64))
    (hours,) = fit_outcomes(blind, recipe, features=features, horizon=HORIZON)
    assert hours.target == "hours_to_peak"
    assert fit_outcomes(peaks.head(300), recipe, features=features, horizon=HORIZON) == ()
    assert outcome_columns(peaks, (), features=features).width == 0
    assert outcome_columns(peaks.clear(), (hours,), features=features).height == 0


def test_they_are_saved_with_the_model_and_are_part_of_its_fingerprint(model, fitted, peaks, features, tmp_path):
    whole = replace(model, outcomes=fitted)
    save_model(whole, tmp_path)
    loaded = load_model(tmp_path)
    matrix = design_matrix(peaks.head(300), features)
    for before, after in zip(fitted, loaded.outcomes, strict=True):
        assert np.array_equal(before.predict(matrix), after.predict(matrix))
        assert (before.target, before.horizon, before.rows) == (after.target, after.horizon, after.rows)
    assert fingerprint(loaded) == fingerprint(whole) != fingerprint(model)
    (tmp_path / "peak_views_0.5.txt").write_text("tree")
    with pytest.raises(IntegrityError, match=r"peak_views_0\.5\.txt: does not match"):
        load_model(tmp_path)
