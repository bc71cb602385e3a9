"""viral_labels: equal to plain loops on both engines, blind to what comes after the horizon, nested, honest."""

import math
import random
from datetime import timedelta

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from trenddrop.labels import LabelDefinition, build_labels, viral_labels
from trenddrop.schemas import TABLES

HOUR = timedelta(hours=1)
TAGS = "abcde"
DEFINITIONS = {
    "top": {"kind": "top_rank", "parameters": {"k": 1, "refractory_hours": 2, "max_gap_share": 0.2}},
    "top_holes": {
        "kind": "top_rank",
        "parameters": {"k": 1, "metric": "views", "max_hole_hours": 2, "refractory_hours": 3},
    },
    "top_at_once": {"kind": "top_rank", "parameters": {"k": 1, "refractory_hours": 0, "max_gap_share": 0.5}},
    "top_share": {"kind": "top_percentile", "parameters": {"share": 0.3, "refractory_hours": 1, "max_gap_share": 0.2}},
    "growth": {"kind": "growth_multiple", "parameters": {"multiple": 2.0, "min_views": 30, "max_gap_share": 0.4}},
    "growth_holes": {
        "kind": "growth_multiple",
        "parameters": {
            "multiple": 1.5,
            "rate_hours": 3,
            "baseline_hours": 9,
            "min_baseline_hours": 2,
            "max_hole_hours": 3,
            "min_views": 0,
        },
    },
    "level": {"kind": "absolute", "parameters": {"threshold": 450, "max_gap_share": 0.3}},
    "gain": {"kind": "absolute", "parameters": {"measure": "gain", "threshold": 120, "max_hole_hours": 1}},
    "onset": {
        "kind": "onset",
        "parameters": {
            "multiple": 1.5, "persistence_hours": 2, "rate_hours": 3, "min_rate_hours": 2,
            "baseline_from_hours": 20, "baseline_to_hours": 4, "min_baseline_hours": 5,
            "video_constant": 0.5, "view_constant": 2.5, "min_videos": 1, "min_views": 12, "min_creators": 3,
            "max_herfindahl": 0.6, "top_share": 0.5, "refractory_hours": 4, "max_gap_share": 0.4,
        },
    },
}  # fmt: skip
DEFINITIONS["onset_holes"] = {
    "kind": "onset",
    "parameters": DEFINITIONS["onset"]["parameters"] | {"max_hole_hours": 2, "max_gap_share": 0.2},
}


def definition_of(name):
    return LabelDefinition.model_validate({"name": name, "horizons": (6, 12, 24)} | DEFINITIONS[name])


def random_metrics(rng, metric, hours):
    """Rows of five hashtags of one platform, with hours in which none of them was observed."""
    dark = {at for at in range(hours) if rng.random() < 0.06} | set(range(30, 34))
    rows = []
    for tag in TAGS:
        pace = rng.choice([1, 4])
        for at in range(hours):
            kind = rng.choice(["on time"] * 14 + ["gap", "hole", "late", "twice"])
            if kind == "hole" or at in dark:
                continue
            pace = max(1, pace * rng.choice([1, 1, 1, 1, 3, 0.4]))
            for late in {"late": [rng.choice([30, 400])], "gap": [90], "twice": [-10, 200]}.get(kind, [-5]):
                is_gap = kind == "gap"
                rows.append(
                    metric(
                        at,
                        tag=tag,
                        late=late,
                        is_gap=is_gap,
                        view_count=None
                        if rng.random() < 0.03
                        else rng.randrange(int(5 * pace) + 1) / (3 if is_gap else 1),
                        score=None if is_gap or rng.random() < 0.1 else float(rng.randrange(6)),
                        view_total=None if is_gap else rng.randrange(30) + 10 * at,
                        video_count=float(rng.randrange(int(pace) + 2)) if tag < "c" and rng.random() < 0.8 else None,
                    )
                )
    return rows


def random_videos(rng, metric, hours):
    """Observations of videos of the first hashtags, some of them late and several of one video."""
    start = metric(0)["timestamp"]
    rows = []
    for number in range(3 * hours):
        created = start + rng.random() * hours * HOUR
        tags = [f"tiktok:{tag}" for tag in TAGS[:3] if rng.random() < 0.5]
        for n in range(rng.randrange(1, 4)):
            observed = created + (n + rng.random()) * 5 * HOUR
            rows.append(
                dict.fromkeys(TABLES["video_observations"].columns)
                | {
                    "video_id": f"v{number}",
                    "observed_at": observed,
                    "fetched_at": observed + rng.choice([0, 0, 0.3, 3]) * HOUR,
                    "created_at": created,
                    "creator_id": rng.choice([None, *"uvwxyz"]),
                    "view_count": rng.choice([None, 0, rng.randrange(10**6)]),
                    "hashtag_ids": rng.choice([tags, tags, []]),
                    "platform": "tiktok",
                    "batch_id": "b",
                }
            )
    return rows


def keyed(labels):
    rows = labels.to_pyarrow().to_pylist()
    result = {(r["hashtag_id"], r["label_timestamp"], r["prediction_window_hours"]): r for r in rows}
    assert len(result) == len(rows)
    return result


@pytest.mark.parametrize("name", DEFINITIONS)
def test_equals_plain_loops_on_both_engines(engine, naive, metric, name):
    rng = random.Random(name)
    metrics, videos = random_metrics(rng, metric, hours=60), random_videos(rng, metric, hours=60)
    expected = naive(metrics, definition_of(name), "tiktok", videos)
    got = keyed(labels_on(engine, metrics, definition_of(name), videos=videos))
    assert set(got) == set(expected)
    assert {row["is_viral"] for row in expected.values()} == {True, False, None}
    for key, row in expected.items():
        for column, value in row.items():
            actual = got[key][column]
            if isinstance(value, float) and actual is not None:
                assert math.isclose(actual, value, rel_tol=1e-9, abs_tol=1e-9), (key, column, actual, value)
            else:
                assert actual == value, (key, column, actual, value, got[key], row)


@pytest.mark.parametrize("name", list(DEFINITIONS))
@settings(deadline=None, max_examples=2, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
@example(seed=563188331)  # a hole at t + h that an observation of the next hour ends
def test_labels_do_not_change_when_later_hours_do(duckdb_engine, metric, name, seed):
    rng = random.Random(seed)
    metrics, videos = random_metrics(rng, metric, hours=40), random_videos(rng, metric, hours=40)
    cut = metric(rng.randrange(15, 36))["timestamp"]
    other_videos = [
        row | ({"creator_id": "w", "view_count": 10**9} if row["fetched_at"] > cut else {}) for row in videos
    ]
    other_future = [
        row | {"view_count": 1e6 * rng.random(), "score": 99.0 * rng.random(), "is_gap": False}
        for row in metrics
        if row["timestamp"] > cut and rng.random() < 0.7
    ]
    past = [row for row in metrics if row["timestamp"] <= cut]
    before, now = (
        keyed(labels_on(duckdb_engine, rows, definition_of(name), videos=seen))
        for rows, seen in ((metrics, videos), (past + other_future, other_videos))
    )
    settled = {key: row for key, row in before.items() if row["matured_at"] <= cut}
    assert settled
    for key, row in settled.items():
        assert now.get(key) == row


@pytest.mark.parametrize("name", DEFINITIONS)
@settings(deadline=None, max_examples=2, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_horizons_nest(duckdb_engine, metric, name, seed):
    metrics = random_metrics(random.Random(seed), metric, hours=50)
    labels = keyed(labels_on(duckdb_engine, metrics, definition_of(name)))
    for tag, t, h in labels:
        if h > 6 and labels[tag, t, h // 2]["is_viral"]:
            assert labels[tag, t, h]["is_viral"]


def labels_on(engine, metrics, definition, platform="tiktok", videos=None):
    rows = engine.load("hashtag_metrics", metrics)
    videos = None if videos is None else engine.load("video_observations", videos)
    return viral_labels(rows, definition, platform=platform, videos=videos, stage=engine.stage)


def steady(metric, hours, tags="ab", **values):
    return [
        metric(at, tag=tag, platform="weibo", **({"view_count": 100.0, "score": 10.0 - i} | values))
        for i, tag in enumerate(tags)
        for at in hours
    ]


def label_at(engine, metrics, definition, at, tag="b", h=6):
    labels = keyed(labels_on(engine, metrics, definition, "weibo"))
    moment = min(row["timestamp"] for row in metrics) + at * HOUR
    return labels.get((f"weibo:{tag}", moment, h))


def top(k=1, **parameters):
    return LabelDefinition.model_validate(
        {"name": "t", "kind": "top_rank", "horizons": (6, 12), "parameters": {"k": k, **parameters}}
    )


def test_an_absent_topic_is_negative_while_its_platform_is_observed(duckdb_engine, metric):
    metrics = [row for row in steady(metric, range(20)) if row["hashtag_id"] == "weibo:a" or row["score"] and
               row["timestamp"] <= metric(3)["timestamp"]]  # fmt: skip
    assert label_at(duckdb_engine, metrics, top(), at=3)["is_viral"] is False


def test_a_dark_platform_or_the_end_of_the_data_is_unknown_not_negative(duckdb_engine, metric):
    assert label_at(duckdb_engine, steady(metric, [*range(5), *range(8, 20)]), top(), at=3)["is_viral"] is None
    assert label_at(duckdb_engine, steady(metric, range(9)), top(), at=3)["is_viral"] is None
    assert label_at(duckdb_engine, steady(metric, range(10)), top(), at=3)["is_viral"] is False


def test_an_event_that_was_seen_is_positive_even_where_the_data_end(duckdb_engine, metric):
    metrics = steady(metric, range(6))
    metrics[-1]["score"] = 99.0
    label = label_at(duckdb_engine, metrics, top(), at=3)
    assert label["is_viral"] is True
    assert label["actual_peak_timestamp"] == metric(5)["timestamp"]
    assert label["growth_rate_percent"] == pytest.approx(1000.0)
    assert label["confidence_score"] == pytest.approx(2 / 6)


def test_confidence_falls_where_the_peak_is_the_rounding_of_the_counter(duckdb_engine, metric):
    definition = definition_of("level")
    for gain, total, confidence in [(2000.0, 12_000, 0.75), (1000.0, 12_000, 0.5), (2000.0, 12_001, 1.0)]:
        metrics = steady(metric, range(10), view_total=100)
        metrics[16] |= {"view_count": gain, "view_total": total}
        assert label_at(duckdb_engine, metrics, definition, at=3)["confidence_score"] == pytest.approx(confidence)


def test_a_hashtag_that_is_or_was_just_in_the_top_is_no_candidate(duckdb_engine, metric):
    metrics = steady(metric, range(40))
    metrics[41]["score"] = 99.0  # b leads at hour 1
    assert label_at(duckdb_engine, metrics, top(), at=3, tag="a") is None
    assert label_at(duckdb_engine, metrics, top(refractory_hours=10), at=1) is None
    assert label_at(duckdb_engine, metrics, top(refractory_hours=10), at=11) is None
    assert label_at(duckdb_engine, metrics, top(refractory_hours=10), at=12)["is_viral"] is False


def test_a_single_empty_hour_is_a_hole_that_the_next_observation_fills(duckdb_engine, metric):
    metrics = steady(metric, [h for h in range(20) if h != 9])
    assert label_at(duckdb_engine, metrics, top(), at=3)["is_viral"] is None
    label = label_at(duckdb_engine, metrics, top(max_hole_hours=1), at=3)
    assert label["is_viral"] is False
    assert label["matured_at"] == metric(10)["timestamp"]  # only then it was clear that the platform was watched


def test_other_platforms_do_not_matter(duckdb_engine, metric):
    others = [
        row | {"platform": "tiktok", "hashtag_id": "tiktok:x", "score": 1e9} for row in steady(metric, range(20), "a")
    ]
    metrics = steady(metric, range(20))
    definition = top()
    alone, together = (
        keyed(labels_on(duckdb_engine, rows, definition, "weibo")) for rows in (metrics, metrics + others)
    )
    assert alone == together


def test_building_twice_changes_nothing_and_follows_the_metrics(wh, metric):
    definition = top(k=1)
    metrics = steady(metric, range(30))
    wh.append("hashtag_metrics", arrow_rows(metrics))
    first = build_labels(wh, definition, platform="weibo")
    assert build_labels(wh, definition, platform="weibo") == first
    assert wh.table("viral_labels").count().to_pyarrow().as_py() == first.rows
    assert first.rows == 60  # only the runner-up is a candidate: 30 hours, 2 horizons
    assert (first.positives, first.unknown) == (0, 6 + 12)
    wh.append("hashtag_metrics", arrow_rows([metric(30, tag="b", platform="weibo", score=99.0, view_count=1.0)]))
    second = build_labels(wh, definition, platform="weibo")
    stored = wh.table("viral_labels").to_pyarrow().to_pylist()
    assert len(stored) == second.rows
    assert second.positives == sum(bool(row["is_viral"]) for row in stored) == 6 + 12


def arrow_rows(rows):
    return pa.Table.from_pylist(rows, schema=TABLES["hashtag_metrics"].ibis().to_pyarrow())
