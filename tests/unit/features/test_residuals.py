"""Group G: errors count from when they are known until 7 days after their prediction, on both engines."""

import math
import os
import random
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest

from trenddrop.features import residuals
from trenddrop.features.build import build_features
from trenddrop.features.residuals import DEFINITIONS, PredictionTables, with_residuals
from trenddrop.normalized.hours import hour_of
from trenddrop.schemas import TABLES

HOUR = timedelta(hours=1)
NAMES = [definition.name for definition in DEFINITIONS]
Row = dict[str, Any]
ROUNDS = int(os.environ.get("TRENDDROP_LEAK_ROUNDS", "10"))


@pytest.fixture(scope="session")
def start(metric):
    return metric(0)["timestamp"]


def prediction(start, at, *, tag="a", h=6, p=0.25, minutes=0, definition="growth", version="1", is_backtest=False):
    """A prediction for the features of hour ``at``, issued so many minutes later."""
    issued = start + at * HOUR + timedelta(minutes=minutes)
    return {
        "prediction_id": f"{tag}{at}{h}{definition}{version}{minutes}{is_backtest}",
        "hashtag_id": f"tiktok:{tag}",
        "issued_at": issued,
        "prediction_window_hours": h,
        "viral_definition_name": definition,
        "probability": p,
        "reasons": "[]",
        "model_name": "m",
        "model_version": version,
        "feature_service": "s",
        "feature_timestamp": start + at * HOUR,
        "snapshot_id": "1",
        "matures_at": issued + h * HOUR,
        "is_backtest": is_backtest,
        "platform": "tiktok",
        "created_timestamp": issued + 1000 * HOUR,
    }


def label(start, at, is_viral, *, tag="a", h=6, late=0.0, definition="growth"):
    return {
        "hashtag_id": f"tiktok:{tag}",
        "label_timestamp": start + at * HOUR,
        "prediction_window_hours": h,
        "is_viral": is_viral,
        "viral_definition_name": definition,
        "labeling_method": "automatic",
        "platform": "tiktok",
        "matured_at": start + (at + h + late) * HOUR,
    }


def computed(engine, start, hours, predictions, labels, tags="a"):
    """Return the features by (tag, hour) on the given hours."""
    moments = [{"hashtag_id": f"tiktok:{tag}", "timestamp": start + at * HOUR} for tag in tags for at in hours]
    blank = {"window_duration_minutes": 60, "is_gap": False, "is_reset": False, "platform": "tiktok"}
    grid = engine.load("hashtag_metrics", [m | blank | {"created_timestamp": m["timestamp"]} for m in moments])
    grid = engine.stage(grid.select("hashtag_id", "timestamp", hour=hour_of(grid.timestamp)))
    wide = with_residuals(
        grid,
        PredictionTables(engine.load("predictions", predictions), engine.load("viral_labels", labels)),
        stage=engine.stage,
    )
    for definition in DEFINITIONS:
        wide = wide.mutate(**{definition.name: definition.expression(wide).cast(definition.dtype)})
    rows = wide.select("hashtag_id", "timestamp", *NAMES).to_pyarrow().to_pylist()
    assert len(rows) == len(moments)
    return {
        (row["hashtag_id"][-1], round((row["timestamp"] - start) / HOUR)): tuple(row[name] for name in NAMES)
        for row in rows
    }


def naive(start, hours, predictions, labels, tags="a"):
    """The same by its words alone."""
    result = {}
    for tag in tags:
        for at in hours:
            t = start + at * HOUR
            errors = []
            for p in predictions:
                issued, h = p["issued_at"], p["prediction_window_hours"]
                if p["is_backtest"] or p["hashtag_id"] != f"tiktok:{tag}" or not t - 168 * HOUR < issued <= t:
                    continue
                for o in labels:
                    if (
                        (o["hashtag_id"], o["label_timestamp"]) == (p["hashtag_id"], p["feature_timestamp"])
                        and o["prediction_window_hours"] == h
                        and o["viral_definition_name"] == p["viral_definition_name"]
                        and o["is_viral"] is not None
                        and issued + h * HOUR <= t
                        and o["matured_at"] <= t
                    ):
                        order = (issued, -h, p["viral_definition_name"], p["model_name"], p["model_version"])
                        errors.append((order, int(o["is_viral"]) - p["probability"]))
            if errors:
                mean = math.fsum(e for _, e in errors) / len(errors)
                variance = math.fsum((e - mean) ** 2 for _, e in errors) / len(errors)
                result[tag, at] = (max(errors)[1], mean, variance)
            else:
                result[tag, at] = (None, None, None)
    return result


def drawn(rng, start, hours, tags="ab"):
    predictions, labels = [], []
    for tag in tags:
        for at in range(-200, hours):
            for h in (6, 12):
                if rng.random() < 0.7:
                    labels.append(
                        label(
                            start, at, rng.choice([True, False, None]), tag=tag, h=h, late=rng.choice([0, 0, 0.5, 30])
                        )
                    )
                if rng.random() < 0.5:
                    minutes, version = rng.choice([0, 7, 61]), rng.choice("12")
                    predictions.append(
                        prediction(
                            start,
                            at,
                            tag=tag,
                            h=h,
                            p=rng.random(),
                            minutes=minutes,
                            version=version,
                            is_backtest=rng.random() < 0.1,
                        )  # fmt: skip
                    )
    return predictions, labels


def test_equals_plain_loops_on_both_engines(engine, start):
    rng = random.Random(1)
    predictions, labels = drawn(rng, start, 40)
    hours = sorted(rng.sample(range(40), 25))
    got = computed(engine, start, hours, predictions, labels, tags="abz")
    expected = naive(start, hours, predictions, labels, tags="abz")
    assert got["z", hours[0]] == (None, None, None)
    assert sum(value[0] is not None for value in expected.values()) > 30
    for key, values in expected.items():
        assert [v is None for v in got[key]] == [v is None for v in values], key
        if values[0] is not None:
            assert got[key] == pytest.approx(values, rel=1e-9, abs=1e-9), key


def test_an_error_counts_from_its_outcome_until_seven_days_after_its_issue(engine, start):
    predictions = [prediction(start, 0, p=0.25, minutes=20)]
    got = computed(engine, start, range(4, 172), predictions, [label(start, 0, True)])
    known = [at for (_, at), values in got.items() if values[0] is not None]
    assert sorted(known) == list(range(7, 169))  # issued at 0:20, matured at 6:20, gone at 168:20
    assert got["a", 7] == (0.75, 0.75, 0.0)


def test_an_outcome_counts_from_when_it_was_learnt(duckdb_engine, start):
    got = computed(duckdb_engine, start, range(12), [prediction(start, 0)], [label(start, 0, False, late=3.2)])
    assert [at for (_, at), values in sorted(got.items()) if values[0] is not None] == [10, 11]
    assert got["a", 10][0] == -0.25


def test_an_unknown_outcome_and_a_backtest_count_nothing(duckdb_engine, start):
    predictions = [prediction(start, 0), prediction(start, 1, is_backtest=True), prediction(start, 2)]
    labels = [label(start, 0, None), label(start, 1, True), label(start, 2, True, h=12)]
    got = computed(duckdb_engine, start, range(30), predictions, labels)
    assert set(got.values()) == {(None, None, None)}


def test_the_newest_issue_is_the_last_and_of_equals_the_shortest_horizon(duckdb_engine, start):
    predictions = [prediction(start, 0, h=h, p=p) for h, p in ((12, 0.2), (6, 0.4))] + [
        prediction(start, 1, h=12, p=0.6)
    ]
    labels = [label(start, at, True, h=h) for at in (0, 1) for h in (6, 12)]
    got = computed(duckdb_engine, start, (6, 12, 13), predictions, labels)
    assert got["a", 6] == pytest.approx((0.6, 0.6, 0))
    assert got["a", 12] == pytest.approx((0.6, 0.7, 0.01))
    assert got["a", 13] == pytest.approx((0.4, 0.6, 0.08 / 3))


def test_no_predictions_are_nulls(engine, start):
    assert set(computed(engine, start, range(3), [], []).values()) == {(None, None, None)}


# --- blind to the future ------------------------------------------------------------------------------


def _with_another_future(rng, start, rows, at, moment, values):
    """Change, add and delete what is not visible at hour ``at``."""
    t, result = start + at * HOUR, []
    for row in rows:
        if row[moment] <= t:
            result.append(row)
        elif (fate := rng.choice(["keep", "change", "delete"])) != "delete":
            result.append(
                row | {name: rng.choice(choice) for name, choice in values.items()} if fate == "change" else row
            )
    return result


def _leaks(engine, start, seed):
    rng = random.Random(seed)
    predictions, labels = drawn(rng, start, 30, tags="a")
    at = rng.randrange(5, 25)
    others = _with_another_future(rng, start, predictions, at, "issued_at", {"probability": (0.0, 1.0)})
    outcomes = _with_another_future(rng, start, labels, at, "matured_at", {"is_viral": (True, False, None)})
    hours = range(at + 1)
    return computed(engine, start, hours, predictions, labels) != computed(engine, start, hours, others, outcomes)


def test_what_is_not_visible_at_t_changes_no_bit(duckdb_engine, start):
    assert [seed for seed in range(ROUNDS) if _leaks(duckdb_engine, start, seed)] == []


def test_the_leakage_test_catches_outcomes_known_too_early(duckdb_engine, start, monkeypatch):
    def learnt_at_once(predictions, labels):
        return prediction_errors(predictions, labels.mutate(matured_at=labels.label_timestamp))

    prediction_errors = residuals.prediction_errors
    monkeypatch.setattr(residuals, "prediction_errors", learnt_at_once)
    assert any(_leaks(duckdb_engine, start, seed) for seed in range(4))


def test_a_range_needs_no_more_than_seven_days_of_predictions(duckdb_engine, start):
    predictions, labels = drawn(random.Random(4), start, 30, tags="a")
    full = computed(duckdb_engine, start, range(20, 30), predictions, labels)
    recent = [p for p in predictions if p["issued_at"] > start + (20 - 168) * HOUR]
    assert len(recent) < len(predictions)
    assert computed(duckdb_engine, start, range(20, 30), recent, labels) == full


def test_a_label_that_was_imported_later_is_no_error_of_the_past(any_wh, metric, start):
    """Beside the automatic label it would be a second error of the same prediction, and t did not know it."""

    def write(name, rows):
        any_wh.append(name, pa.Table.from_pylist(rows, schema=TABLES[name].ibis().to_pyarrow()))

    write("hashtag_metrics", [metric(at, view_count=1.0) for at in range(10)])
    write("predictions", [prediction(start, 0, p=0.25)])
    write("viral_labels", [label(start, 0, is_viral=True)])
    build_features(any_wh)
    features = any_wh.table("hashtag_features").select("feature_timestamp", *NAMES)
    before = features.order_by("feature_timestamp").to_polars()
    assert before["last_prediction_error"].to_list() == [None] * 6 + [0.75] * 4
    write("viral_labels", [label(start, 0, is_viral=False) | {"labeling_method": "manual"}])
    build_features(any_wh)
    assert features.order_by("feature_timestamp").to_polars().equals(before)
