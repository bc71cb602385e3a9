import json
from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest

from trenddrop.core.errors import InputError
from trenddrop.modeling import fingerprint, fit, predict, save_model
from trenddrop.modeling.spec import Words, load_spec
from trenddrop.training import LoggedRun, RunContext, train
from trenddrop.training.split import split_by_time

CONTEXT = RunContext("tiktok", "viral_v1", "features_v1", snapshot_id="41", commit="c0ffee")


class Memory:
    def __init__(self):
        self.records = []

    def log(self, record):
        self.records.append(record)
        return LoggedRun("run", record.model_name, "1")


@pytest.fixture(scope="module")
def tracker():
    return Memory()


@pytest.fixture(scope="module")
def result(frame, spec, features, tracker):
    return train(frame, spec, features=features, context=CONTEXT, tracker=tracker)


def test_the_model_beats_its_baselines_on_a_later_period(result):
    one = result.metrics[6]
    assert one.average_precision > one.baselines["rank_by_score"]
    assert one.ratio_intervals["rank_by_score"][0] > 1
    assert result.split.test["event_timestamp"].min() >= result.split.test_from


def test_the_kept_model_is_the_judged_one(result, frame, spec, features):
    assert result.model.trained_until < result.split.test_from - timedelta(hours=54)
    rows = result.test_predictions
    assert rows.height == result.split.test.height
    assert rows["probability_6h"].equals(predict(result.model, result.split.test)["probability_6h"])
    split = split_by_time(frame, test_from=result.split.test_from, horizons=(6, 12), embargo=timedelta(hours=48))
    assert fingerprint(fit(split.train, spec, features=features)) == fingerprint(result.model)


@pytest.mark.parametrize("kind", ["per_horizon", "hazard"])
def test_two_retrainings_from_the_same_rows_write_the_same_files_bit_for_bit(frame, spec, features, kind, tmp_path):
    recipe = spec.model_copy(update={"kind": kind, "words": Words(buckets=256), "row_weights": "uniqueness"})
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=7)
    for name, rows, threads in (("first", frame, 1), ("second", shuffled, 3)):
        context = replace(CONTEXT, threads=threads)
        save_model(train(rows, recipe, features=features, context=context).model, tmp_path / name)
    written = {path.name: path.read_bytes() for path in (tmp_path / "first").iterdir()}
    assert {path.name: path.read_bytes() for path in (tmp_path / "second").iterdir()} == written
    assert len(written) > 1
    other = train(frame, recipe.model_copy(update={"seed": 1}), features=features, context=CONTEXT).model
    save_model(other, tmp_path / "other")
    assert {path.name: path.read_bytes() for path in (tmp_path / "other").iterdir()} != written


def test_nothing_in_or_after_the_embargo_can_change_the_model(result, frame, spec, features):
    late = pl.col("event_timestamp") >= result.split.test_from - timedelta(hours=54)
    lied = frame.with_columns(
        heat=pl.when(late).then(-pl.col("heat")).otherwise("heat"),
        is_viral_6h=pl.when(late).then(~pl.col("is_viral_6h")).otherwise("is_viral_6h"),
        is_viral_12h=pl.when(late).then(~pl.col("is_viral_12h")).otherwise("is_viral_12h"),
    )
    # rows from 60 h before on do not teach 12 h, from 54 h before on neither horizon
    again = train(lied, spec, features=features, context=CONTEXT, test_from=result.split.test_from)
    assert fingerprint(again.model) == fingerprint(result.model)


def test_test_predictions_carry_keys_probabilities_and_outcomes(result):
    assert result.test_predictions.columns == [
        "hashtag_id",
        "platform",
        "event_timestamp",
        "probability_6h",
        "probability_12h",
        "low_6h",
        "low_12h",
        "high_6h",
        "high_12h",
        "is_viral_6h",
        "is_viral_12h",
    ]


def test_the_tracker_gets_all_that_repeats_and_explains_the_run(result, tracker):
    record = tracker.records[0]
    assert result.run.model_name == record.model_name == "viral_lightgbm-tiktok-viral_v1"
    wanted = {"config_hash", "commit", "snapshot_id", "feature_service", "data_cutoff", "train_rows", "test_rows"}
    assert wanted <= set(record.params)
    assert record.params["snapshot_id"] == "41"
    assert record.metrics["average_precision_6h"] == result.metrics[6].average_precision
    compared = {trial.kind: trial.log_loss for trial in result.model.horizons[0].trials}
    assert set(compared) == {"platt", "isotonic", "venn_abers"}
    assert record.metrics["calibration_platt_log_loss_6h"] == compared["platt"]
    assert record.example.columns == list(result.model.features)
    assert set(record.documents) == {"model_card.md", "metrics.json", "spec.json", "recipe.yaml"}
    assert set(record.plots) == set(result.plots)


def test_the_recipe_beside_the_card_is_the_one_that_was_trained_whatever_its_file_was_called(tracker, tmp_path, spec):
    path = tmp_path / "recipe.yaml"
    path.write_text(tracker.records[0].documents["recipe.yaml"], encoding="utf-8")
    again = load_spec(str(path))
    assert again == spec.model_copy(update={"horizons": again.horizons})
    assert again.config_hash() == tracker.records[0].params["config_hash"]


def test_the_metrics_are_plain_json(result):
    figures = json.loads(json.dumps(result.figures()))
    assert set(figures) == {"6", "12"}
    wanted = {"average_precision", "prevalence", "baselines", "interval", "ratio_to_best_baseline"}
    assert wanted | {"probability_interval"} <= set(figures["6"])


def test_the_intervals_are_judged_on_later_days_and_kept_with_the_model(result):
    judged = result.intervals[6]
    assert judged.days >= 3
    assert judged.band_days == sum(band.days for band in judged.bands)
    assert [one.horizon for one in result.model.intervals] == [6, 12]
    rows = result.test_predictions.filter(pl.col("low_6h").is_not_null())
    assert (rows["low_6h"] <= rows["probability_6h"]).all()
    assert (rows["probability_6h"] <= rows["high_6h"]).all()
    assert rows.height > 0
    first_day = result.test_predictions["event_timestamp"].dt.date() == result.split.test_from.date()
    assert result.test_predictions.filter(first_day)["low_6h"].null_count() == first_day.sum()


def test_a_horizon_without_training_rows_is_left_out_and_named(frame, spec, features):
    short = frame.with_columns(is_viral_24h=pl.col("is_viral_12h")).filter(
        pl.col("event_timestamp") < frame["event_timestamp"][0] + timedelta(hours=120)
    )
    start = frame["event_timestamp"][0] + timedelta(hours=70)
    result = train(short, spec, features=features, context=CONTEXT, test_from=start)
    assert list(result.left_out) == [24]
    assert "no row before" in result.left_out[24]
    assert set(result.metrics) == {6, 12}


def test_no_training_row_at_all_says_what_to_do(frame, spec, features):
    with pytest.raises(InputError, match="ingest a longer period or give a later test start"):
        train(frame, spec, features=features, context=CONTEXT, test_from=frame["event_timestamp"][0])


def test_no_test_row_still_gives_a_model(frame, spec, features):
    later = frame["event_timestamp"].max() + timedelta(days=5)
    result = train(frame, spec, features=features, context=CONTEXT, test_from=later)
    assert result.metrics[6].rows == 0
    assert result.metrics[6].average_precision is None
    assert list(result.plots) == ["feature_importance.png"]
    assert result.test_predictions.height == 0


def test_a_fair_champion_is_judged_beside_and_an_unfair_one_is_not(result, frame, spec, features, model):
    start = result.split.test_from
    fair = RunContext("tiktok", "viral_v1", "f", champion=result.model)
    beside = train(frame, spec, features=features, context=fair, test_from=start)
    assert beside.champion == "compared"
    assert beside.metrics[6].ratio_intervals["champion"] == (1.0, 1.0)
    unfair = RunContext("tiktok", "viral_v1", "f", champion=model)  # fitted on the whole frame
    alone = train(frame, spec, features=features, context=unfair, test_from=start)
    assert alone.champion == "saw_test"
    assert "champion" not in alone.metrics[6].ratio_intervals
