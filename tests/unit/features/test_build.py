"""hashtag_features: equal to plain loops on both engines, blind to the future, the same in pieces as at once."""

import json
import math
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from trenddrop.features import DEFINITIONS, hashtag_features

HOUR = timedelta(hours=1)
Row = dict[str, Any]
PLATFORMS = {"a": "tiktok", "b": "tiktok", "c": "weibo", "d": "weibo"}


@pytest.fixture(scope="session")
def random_metrics(metric: Callable[..., Row]) -> Callable[..., list[Row]]:
    """Metrics of four hashtags with holes, gap rows, nulls, zeros, ties, late rows and later versions."""

    def draw(rng: random.Random, hours: int, tags: str = "abcd") -> list[Row]:
        rows = [
            row
            for tag, platform in PLATFORMS.items()
            if tag in tags
            for at in range(hours)
            for row in _versions_of_hour(rng, metric, at, tag, platform)
        ]
        return list({(r["hashtag_id"], r["timestamp"], r["created_timestamp"]): r for r in rows}.values())

    return draw


def _versions_of_hour(rng: random.Random, metric: Callable[..., Row], at: int, tag: str, platform: str) -> list[Row]:
    kind = rng.choice(["on time"] * 6 + ["gap", "hole", "late", "twice", "thrice"])
    lateness = {
        "on time": [-5],
        "gap": [rng.choice([90, 200, 3000])],
        "hole": [],
        "late": [rng.choice([0.5, 60, 240, 12000])],
        "twice": [-30, rng.choice([-10, 0, 61, 700])],
        "thrice": [-30, 100, 400],
    }[kind]

    def count(top: int) -> float | None:
        value = rng.choice([None, 0, rng.randrange(top), rng.randrange(top), rng.randrange(top)])
        return value / rng.choice([1, 3, 7]) if value is not None and kind in ("gap", "thrice") else value

    return [
        metric(
            at,
            tag=tag,
            platform=platform,
            late=late,
            is_gap=kind == "gap",
            view_count=count(1000),
            video_count=count(20),
            creator_count=count(10),
            like_count=count(100),
            comment_count=count(50),
            share_count=count(30),
            score=None if kind == "gap" or rng.random() < 0.2 else rng.choice([1.0, 2.5, 3.7, 1e6 / 3]),
            view_total=rng.randrange(10**6),
        )
        for late in lateness
    ]


def _observations(rng: random.Random, metrics: list[Row]) -> list[Row]:
    return [
        {
            "hashtag_id": row["hashtag_id"],
            "observed_at": row["timestamp"] - rng.choice([0, 10, 10]) * timedelta(minutes=1),
            "fetched_at": row["created_timestamp"] + rng.choice([0, 0, 40]) * timedelta(minutes=1),
            "video_count": rng.choice([None, rng.randrange(100)]),
            "creator_count": rng.randrange(100),
            "platform": row["platform"],
            "batch_id": "b",
        }
        for row in metrics
        if not row["is_gap"]
    ]


def _videos(rng: random.Random, metrics: list[Row], n: int = 40) -> list[Row]:
    start = min(row["timestamp"] for row in metrics)
    end = max(row["timestamp"] for row in metrics)
    videos = []
    for i in range(n):
        created = start + rng.random() * (end - start)
        region = rng.choice(["US", "VN", "VN", None, ""])
        tags = rng.sample([f"{platform}:{tag}" for tag, platform in PLATFORMS.items()], rng.randrange(3))
        for k in range(rng.choice([1, 1, 2, 3])):
            observed = created + timedelta(minutes=rng.randrange(-30, 600))
            videos.append(
                {
                    "video_id": f"v{i}",
                    "observed_at": observed + k * timedelta(seconds=1),
                    "fetched_at": observed + rng.choice([0, 5, 300]) * timedelta(minutes=1),
                    "created_at": created,
                    "hashtag_ids": tags,
                    "region": region if k == 0 else rng.choice([region, "BR"]),
                    "platform": "tiktok",
                    "batch_id": "b",
                }
            )
    return videos


def _rows(features: Any) -> dict[tuple[str, Any], Row]:
    rows = features.to_pyarrow().to_pylist()
    keyed = {(row["hashtag_id"], row["feature_timestamp"]): row for row in rows}
    assert len(keyed) == len(rows)
    return keyed


def _assert_equal(got: dict[Any, Row], expected: dict[Any, Row]) -> None:
    assert set(got) == set(expected)
    for key, row in expected.items():
        for name, value in row.items():
            actual = got[key][name]
            if name == "timezone_distribution":
                actual, value = (text and json.loads(text) for text in (actual, value))
                assert list(actual or ()) == sorted(actual or ()), (key, name)
                assert actual == pytest.approx(value, abs=1e-9) if value else actual is None, (key, name, actual, value)
            elif value is None:
                assert actual is None, (key, name, actual)
            else:
                assert actual is not None, (key, name, value)
                assert math.isclose(actual, value, rel_tol=1e-9, abs_tol=1e-9), (key, name, actual, value)


@pytest.mark.parametrize(("hours", "tags"), [(45, "abcd"), (200, "c")])
def test_equals_plain_loops_on_both_engines(engine, naive, random_metrics, hours, tags):
    rng = random.Random(hours)
    metrics = random_metrics(rng, hours, tags)
    observations, videos = _observations(rng, metrics), _videos(rng, metrics)
    features = hashtag_features(
        engine.load("hashtag_metrics", metrics),
        observations=engine.load("hashtag_observations", observations),
        video_observations=engine.load("video_observations", videos),
        stage=engine.stage,
    )
    expected = naive(metrics, observations, videos)
    assert set(next(iter(expected.values()))) == {definition.name for definition in DEFINITIONS}
    _assert_equal(_rows(features), expected)
