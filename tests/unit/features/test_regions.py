"""timezone_distribution: shares of regions as JSON, whatever the regions are called."""

import json
from datetime import timedelta
from functools import partial

import pytest

from trenddrop.features import hashtag_features

MINUTE = timedelta(minutes=1)


def distribution_on(engine, metric, *videos, tags=("tiktok:a",)):
    """Return the text at hour 0 for videos given as (region, minutes of creation before T, minutes fetched after T)."""
    t = metric(0)["timestamp"]
    rows = [
        {
            "video_id": f"v{i}",
            "observed_at": t - (age - 1) * MINUTE,
            "fetched_at": t + fetched * MINUTE,
            "created_at": t - age * MINUTE,
            "hashtag_ids": list(tags),
            "region": region,
            "platform": "tiktok",
            "batch_id": "b",
        }
        for i, (region, age, fetched) in enumerate(videos)
    ]
    features = hashtag_features(
        engine.load("hashtag_metrics", [metric(0, view_count=1.0)]),
        video_observations=engine.load("video_observations", rows),
        stage=engine.stage,
    )
    return features.to_pyarrow().to_pylist()[0]["timezone_distribution"]


@pytest.fixture
def distribution(duckdb_engine, metric):
    return partial(distribution_on, duckdb_engine, metric)


def test_shares_add_up_and_keys_are_sorted(distribution):
    text = distribution(("VN", 60, -1), ("US", 90, -1), ("US", 30, -1), (None, 20, -1))
    assert text == '{"US": 0.6666666667, "VN": 0.3333333333}'


def test_one_region_is_the_whole(distribution):
    assert distribution(("US", 60, -1)) == '{"US": 1.0}'


def test_only_videos_of_the_last_day_that_were_known_count(distribution):
    text = distribution(("US", 60, -1), ("FR", 24 * 60, -1), ("DE", 60, 1), ("BR", 24 * 60 - 1, 0))
    assert text == '{"BR": 0.5, "US": 0.5}'


def test_no_known_region_is_null(distribution):
    assert distribution((None, 60, -1), ("", 60, -1)) is None
    assert distribution(("US", 60, -1), tags=("tiktok:other",)) is None


def test_a_hashtag_named_twice_counts_once(distribution):
    assert distribution(("US", 60, -1), ("FR", 60, -1), tags=("tiktok:a", "tiktok:a")) == '{"FR": 0.5, "US": 0.5}'


def test_odd_names_still_make_json(engine, metric):
    text = distribution_on(engine, metric, ('a"b\\c', 60, -1), ("tab\there", 60, -1))
    assert json.loads(text) == {'a"b\\c': 0.5, "tab here": 0.5}
