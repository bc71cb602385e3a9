import json
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from trenddrop.core.errors import InputError
from trenddrop.modeling import fit, predict
from trenddrop.modeling.spec import Baseline
from trenddrop.training.backtest import backtest
from trenddrop.training.leak import check_leak
from trenddrop.training.split import split_by_time


@pytest.fixture(scope="module")
def rows(frame):
    """The learnable rows, with an age: the first half of the hashtags is a day old at most."""
    number = pl.col("hashtag_id").str.tail(2).cast(pl.Int64)
    return frame.with_columns(age_hours=pl.when(number < 15).then(12.0).otherwise(100.0))


@pytest.fixture(scope="module")
def start(rows):
    return rows["event_timestamp"][0] + timedelta(days=12)


@pytest.fixture(scope="module")
def result(rows, spec, features, start):
    return backtest(rows, spec, features=features, test_from=start)


def test_each_block_is_predicted_by_a_model_of_everything_before_it(result, rows, spec, features):
    assert [one.fold.start - result.test_from for one in result.folds] == [timedelta(0), timedelta(days=7)]
    assert result.folds[0].train_rows < result.folds[1].train_rows
    for one in result.folds:
        inside = rows.filter(pl.col("event_timestamp").is_between(one.fold.start, one.fold.end, closed="left"))
        split = split_by_time(
            rows.filter(pl.col("event_timestamp") < one.fold.end),
            test_from=one.fold.start,
            horizons=(6, 12),
            embargo=timedelta(hours=48),
        )
        model = fit(split.train, spec.model_copy(update={"horizons": (6, 12)}), features=features)
        expected = predict(model, inside.sort("event_timestamp", "hashtag_id"))
        got = result.predictions.filter(
            pl.col("event_timestamp").is_between(one.fold.start, one.fold.end, closed="left")
        )
        assert got["probability_12h"].equals(expected["probability_12h"])
        assert one.trained_until < one.fold.start - timedelta(hours=54)


def test_outcomes_within_the_test_period_cannot_change_its_first_block(result, rows, spec, features, start):
    lied = rows.with_columns(
        pl.when(pl.col("event_timestamp") >= start).then(~pl.col(name)).otherwise(name).alias(name)
        for name in ("is_viral_6h", "is_viral_12h")
    )
    again = backtest(lied, spec, features=features, test_from=start).predictions
    first = pl.col("event_timestamp") < result.folds[0].fold.end
    assert again.filter(first)["probability_6h"].equals(result.predictions.filter(first)["probability_6h"])
    assert not again.filter(~first)["probability_6h"].equals(result.predictions.filter(~first)["probability_6h"])


def test_all_blocks_are_judged_together_beside_their_rivals(result, rows, start):
    one = result.horizons[6]
    known = rows.filter(pl.col("event_timestamp") >= start)["is_viral_6h"].drop_nulls()
    assert one.metrics.rows == known.len()
    assert one.metrics.average_precision > one.metrics.baselines["rank_by_score"] > one.metrics.prevalence
    assert one.alerts.event_recall > 0.5
    assert one.alerts.alert_precision > 2 * one.metrics.prevalence


def test_a_block_without_a_known_outcome_leaves_the_rivals_of_the_other_blocks_standing(rows, spec, features, start):
    is_last = pl.col("event_timestamp") >= start + timedelta(days=7)
    unknown = rows.with_columns(is_viral_12h=pl.when(~is_last).then("is_viral_12h"))
    chi_square = Baseline(name="chi_square", kind="chi_square", columns=("posts_1h",), expected=("posts_24h",))
    recipe = spec.model_copy(update={"baselines": (*spec.baselines, chi_square)})
    one = backtest(unknown, recipe, features=features, test_from=start)
    assert [fold.fold.start for fold in one.folds] == [start, start + timedelta(days=7)]
    assert set(one.horizons[12].metrics.baselines) == set(one.horizons[6].metrics.baselines)
    assert set(one.horizons[12].metrics.baselines) == {baseline.name for baseline in recipe.baselines}
    assert one.horizons[12].metrics.rows < one.horizons[6].metrics.rows


def test_an_alert_can_be_reached_where_positives_are_common(rows, spec, features, start):
    common = rows.with_columns(is_viral_6h=~pl.col("is_viral_6h"))
    one = backtest(common, spec, features=features, test_from=start)
    assert one.horizons[6].metrics.prevalence > 0.8
    assert one.horizons[6].alerts.event_recall > 0.2
    threshold, prior = one.predictions["alert_threshold_6h"][0], one.folds[0].models[0].prior
    assert threshold / (1 - threshold) == pytest.approx(spec.alerts.odds_multiple * prior / (1 - prior))


def test_slices_are_judged_on_their_own_rows(result, rows, spec, features, start):
    one = result.horizons[6]
    assert one.slices["unseen_hashtags"].rows == 0
    assert one.slices["unseen_hashtags"].limits == ("no test row has a known outcome",)
    assert one.metrics.candidates == result.predictions.height
    assert 0 < one.metrics.calibration_prevalence < 1
    assert 0 < one.slices["under_24h_old"].rows < one.metrics.rows
    fresh = pl.when(pl.col("event_timestamp") >= start).then(pl.lit("tiktok:new")).otherwise("hashtag_id")
    renamed = rows.with_columns(hashtag_id=pl.when(pl.col("age_hours") > 24).then(fresh).otherwise("hashtag_id"))
    unseen = backtest(renamed, spec, features=features, test_from=start).horizons[6].slices["unseen_hashtags"]
    assert 0 < unseen.rows < one.metrics.rows - one.slices["under_24h_old"].rows  # known from the second block on


@pytest.mark.parametrize("kind", ["per_horizon", "hazard"])
def test_probabilities_never_fall_as_the_horizon_grows(kind, rows, spec, features, start):
    """Also where the horizons' models contradict each other: the shorter one is calibrated on far more positives."""
    odd = rows.with_columns(is_viral_6h=pl.col("is_viral_6h") | (pl.col("views_1h") > rows["views_1h"].median()))
    recipe = spec.model_copy(update={"kind": kind})
    predictions = backtest(odd, recipe, features=features, test_from=start).predictions
    assert (predictions["probability_12h"] >= predictions["probability_6h"]).all()


def test_the_document_is_plain_json_with_horizons_in_hours(result):
    document = json.loads(json.dumps(result.document()))
    assert list(document["metrics"]) == ["6", "12"]
    wanted = {"average_precision", "prevalence", "baselines", "interval", "ratio_interval", "calibration_slope"}
    wanted |= {"lead_time_to_onset_h", "false_alerts_per_1000_topic_days", "slices", "planted_leak"}
    assert wanted <= set(document["metrics"]["6"])
    assert document["left_out"] == {}
    assert {"bars", "limits", "intervals", "candidates"} <= set(document["metrics"]["6"])
    compared = document["folds"][0]["calibration"]["6"]
    assert compared["method"] in compared["compared"]
    assert set(compared["compared"]["venn_abers"]) == {"log_loss", "ece", "slope"}


def test_a_random_split_promises_more_where_neighbouring_hours_share_an_outcome(make_frame, spec):
    rng = np.random.default_rng(3)
    frame = make_frame(seed=8, days=20, tags=20)
    mark = {name: float(rng.random()) for name in frame["hashtag_id"].unique().sort()}
    day = pl.col("event_timestamp").dt.ordinal_day()
    frame = frame.with_columns(  # says which topic and day a row is of, and nothing about what comes
        secret=pl.col("hashtag_id").replace_strict(mark, return_dtype=pl.Float64) + day * 7.0,
    )
    start = frame["event_timestamp"][0] + timedelta(days=12)
    leak = check_leak(frame, spec, features=("secret",), horizon=12, test_from=start)
    assert leak.random > leak.purged + 0.1
    assert leak.gap == leak.random - leak.purged


def test_a_start_without_rows_before_it_says_what_to_do(rows, spec, features):
    with pytest.raises(InputError, match="move --test-from"):
        backtest(rows, spec, features=features, test_from=rows["event_timestamp"][0])
