"""The kind ``onset``: what is known stays known, newcomers are unknown, and the constant is frozen."""

import random
from datetime import timedelta

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trenddrop.labels import LabelDefinition, build_labels, viral_labels
from trenddrop.schemas import TABLES

HOUR = timedelta(hours=1)
PARAMETERS = {
    "rate_hours": 3, "min_rate_hours": 2, "baseline_from_hours": 20, "baseline_to_hours": 3, "min_baseline_hours": 6,
    "view_constant": 10, "min_views": 30, "top_share": 0.5, "refractory_hours": 5,
}  # fmt: skip


def definition(**parameters):
    return LabelDefinition.model_validate(
        {"name": "o", "kind": "onset", "horizons": (3, 6), "parameters": PARAMETERS | parameters}
    )


def series(metric, views, tag="a", **values):
    return [metric(at, tag=tag, view_count=float(v), **values) for at, v in enumerate(views) if v is not None]


def labels_of(engine, metrics, one, h=6):
    rows = viral_labels(engine.load("hashtag_metrics", metrics), one, platform="tiktok", stage=engine.stage)
    start = min(row["timestamp"] for row in metrics)
    return {
        (row["hashtag_id"][-1], (row["label_timestamp"] - start) // HOUR): row
        for row in rows.to_pyarrow().to_pylist()
        if row["prediction_window_hours"] == h
    }


BURST = [10] * 20 + [100] * 6 + [10] * 14  # A is at least 3 from hour 21 to 26: onset at 23


def test_the_third_hot_hour_is_the_onset_and_bursts_are_not_labelled(engine, metric):
    labels = labels_of(engine, series(metric, BURST), definition())
    assert {at for (_, at), row in labels.items() if row["is_viral"]} == set(range(17, 23))
    assert {at for _, at in labels} == set(range(40)) - set(range(23, 26 + 5 + 1))
    assert labels["a", 16]["is_viral"] is False
    assert labels["a", 22]["actual_peak_timestamp"] == metric(23)["timestamp"]


def test_a_newcomer_without_a_baseline_is_unknown_and_not_negative(duckdb_engine, metric):
    labels = labels_of(duckdb_engine, series(metric, BURST[:20]), definition())
    assert [labels["a", at]["is_viral"] for at in (0, 5, 13, 14)] == [None, None, False, None]
    assert labels["a", 7]["is_viral"] is False  # A is known from hour 8 on, when six hours are old enough


def test_only_the_greatest_of_the_platform_break_out(duckdb_engine, metric):
    many = [row for tag in "bcd" for row in series(metric, [2 * v for v in BURST], tag=tag)]
    labels = labels_of(duckdb_engine, series(metric, BURST) + many, definition())
    assert labels["a", 20]["is_viral"] is False
    assert labels["b", 20]["is_viral"] is True


@settings(deadline=None, max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_more_data_never_turn_a_known_label_around(duckdb_engine, metric, seed):
    rng = random.Random(seed)
    metrics = []
    for tag in "abc":
        pace = 10.0
        for at in range(50):
            pace = min(400.0, max(5.0, pace * rng.choice([1, 1, 1, 2, 0.6])))
            late = rng.choice([-5] * 12 + [200, 3000])
            if rng.random() < 0.95:
                metrics.append(metric(at, tag=tag, view_count=float(int(pace)), late=late))
            if rng.random() < 0.05:
                metrics.append(metric(at, tag=tag, view_count=float(int(pace) * 3), late=late + 90))
    cut = metric(rng.randrange(25, 45))["timestamp"]
    seen = [row for row in metrics if max(row["timestamp"], row["created_timestamp"]) <= cut]
    before, now = (labels_of(duckdb_engine, rows, definition(max_gap_share=0.3)) for rows in (seen, metrics))
    known = {key: row["is_viral"] for key, row in before.items() if row["is_viral"] is not None}
    assert known
    assert {key: now[key]["is_viral"] for key in known} == known


def test_the_constant_is_fitted_once_and_kept(wh, metric):
    one = definition(view_constant=None, training_days=1)
    append(wh, series(metric, [10] * 24 + [50]))
    first = build_labels(wh, one, platform="tiktok")
    kept = wh.table("label_constants").to_pyarrow().to_pylist()
    assert {row["constant_name"]: row["value"] for row in kept} == {"view_count": 10.0, "video_count": None}
    assert {row["fitted_until"] for row in kept} == {metric(24)["timestamp"]}
    matured = wh.table("viral_labels").matured_at.min().to_pyarrow().as_py()
    assert matured == metric(24)["timestamp"]  # nothing is known before the constant is
    wh.delete("hashtag_metrics", pa.table({"timestamp": [metric(at)["timestamp"] for at in range(20)]}))
    append(wh, [metric(at, view_count=90.0) for at in range(26, 60)])
    build_labels(wh, one, platform="tiktok")
    assert wh.table("label_constants").to_pyarrow().to_pylist() == kept
    assert first.rows


def test_an_unfinished_training_period_is_not_kept(wh, metric):
    append(wh, series(metric, [10] * 12))
    build_labels(wh, definition(view_constant=None, training_days=1), platform="tiktok")
    assert wh.table("label_constants").count().to_pyarrow().as_py() == 0


def test_videos_count_where_they_are_known(duckdb_engine, metric):
    metrics = series(metric, BURST, video_count=1.0)
    labels = labels_of(duckdb_engine, metrics, definition(video_constant=1.0, min_videos=0))
    assert not any(row["is_viral"] for row in labels.values())  # videos are known, and they do not grow


def append(wh, rows):
    schema = TABLES["hashtag_metrics"].ibis().to_pyarrow()
    wh.append("hashtag_metrics", pa.Table.from_pylist(rows, schema=schema))


def test_a_training_period_can_be_named(duckdb_engine, metric):
    metrics = series(metric, [10] * 12 + [1000] * 28)
    early, late = (
        labels_of(duckdb_engine, metrics, definition(view_constant=None, training_until=metric(at)["timestamp"]))
        for at in (11, 39)
    )
    assert any(row["is_viral"] for row in early.values())
    assert not any(row["is_viral"] for row in late.values())  # a thousand is common by then
    assert min(row["matured_at"] for row in late.values()) == metric(39)["timestamp"]
    assert pytest.approx(1.0) == early["a", 8]["confidence_score"]
