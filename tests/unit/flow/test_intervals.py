"""What a version said, compared with the outcomes of today, on both engines."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from trenddrop.flow.intervals import with_newest_outcomes
from trenddrop.modeling import predict
from trenddrop.modeling.conformal import Intervals, band_days, no_intervals, walk
from trenddrop.registry import ModelVersion
from trenddrop.scoring import Issue, write_predictions

NOW = datetime(2026, 1, 2, tzinfo=UTC)
VERSION = ModelVersion("viral", "3", "", "")


def issue(version="3", *, is_backtest=True):
    return Issue("viral", version, "viral_v1", "service_1", "41", is_backtest=is_backtest)


def labels(rows, definition="viral_v1", method="automatic"):
    return rows.filter(pl.col("is_viral_6h").is_not_null()).select(
        "hashtag_id",
        "platform",
        label_timestamp="event_timestamp",
        prediction_window_hours=pl.lit(6, dtype=pl.Int64),
        is_viral="is_viral_6h",
        viral_definition_name=pl.lit(definition),
        labeling_method=pl.lit(method),
        matured_at=pl.col("event_timestamp") + timedelta(hours=6),
    )


@pytest.fixture
def judged(model, frame):
    """A model that knows the first ten days, and all of its probabilities."""
    rows = frame.with_columns(predict(model, frame)["probability_6h"])
    seen = pl.col("is_viral_6h").is_null() & (pl.col("hashtag_id") == "tiktok:t01")  # events alone are known at the end
    rows = rows.with_columns(is_viral_6h=pl.when(seen).then(True).otherwise("is_viral_6h"))
    early = rows.filter(pl.col("event_timestamp") < datetime(2025, 3, 11, tzinfo=UTC))
    known = walk(no_intervals(Intervals(), 6), band_days(early, Intervals(), 6)).known
    return replace(model, intervals=(known,)), rows


def test_the_days_since_are_learned_as_if_they_had_been_there_from_the_start(any_wh, judged):
    model, rows = judged
    said = rows.select("hashtag_id", "platform", "event_timestamp", "probability_6h")
    write_predictions(any_wh, said, issue(), clock=lambda: NOW)
    write_predictions(any_wh, said.tail(500), issue(is_backtest=False), clock=lambda: NOW)  # the same, live
    write_predictions(any_wh, said.with_columns(probability_6h=0.9), issue("2"), clock=lambda: NOW)  # another version
    any_wh.append("viral_labels", labels(rows))
    any_wh.append("viral_labels", labels(rows.with_columns(is_viral_6h=True), definition="viral_v2"))
    (before,) = model.intervals
    (now,) = with_newest_outcomes(any_wh, model, VERSION).intervals
    expected = walk(before, band_days(rows, Intervals(), 6).after(before.known_day)).known
    assert now.known_day == expected.known_day > before.known_day
    assert np.allclose(now.errors, expected.errors, atol=1e-8, rtol=0, equal_nan=True)
    assert np.array_equal(now.misses, expected.misses)


def test_without_new_outcomes_the_model_keeps_what_it_knows(any_wh, judged):
    model, rows = judged
    (before,) = model.intervals
    write_predictions(
        any_wh, rows.select("hashtag_id", "platform", "event_timestamp", "probability_6h"), issue(), clock=lambda: NOW
    )
    (now,) = with_newest_outcomes(any_wh, model, VERSION).intervals
    assert (now.known_day, now.errors.shape) == (before.known_day, before.errors.shape)
