"""Videos that were seen in the last day: new ones have views that the hashtag has not counted yet."""

from datetime import timedelta

import pytest

from trenddrop.features import hashtag_features

HOUR = timedelta(hours=1)
A, B = "tiktok:a", "tiktok:b"
NAMES = (
    "seen_videos_24h",
    "new_videos_24h",
    "new_video_views_24h",
    "new_video_views_per_hour",
    "old_video_views_per_hour",
    "new_video_age_hours",
    "seen_video_age_hours",
)


@pytest.fixture
def arrivals_at(duckdb_engine, metric, reading):
    """Return the features of hashtag a at hour 0, from readings (video, hours before, age then, views, more)."""

    def compute(*readings, from_hour=None):
        t = metric(0)["timestamp"]
        rows = [
            reading(t, video, ago, age, views)
            | {name: value if name == "hashtag_ids" else t - value * HOUR for name, value in more.items()}
            for video, ago, age, views, more in ((*one, {})[:5] for one in readings)
        ]
        features = hashtag_features(
            duckdb_engine.load("hashtag_metrics", [metric(0, tag="a"), metric(0, tag="b")]),
            video_observations=duckdb_engine.load("video_observations", rows),
            start=None if from_hour is None else t,
            stage=duckdb_engine.stage,
        )
        row = next(row for row in features.to_pyarrow().to_pylist() if row["hashtag_id"] == A)
        return [row[name] for name in NAMES]

    return compute


def test_a_video_is_new_until_it_is_seen_again(arrivals_at):
    assert arrivals_at(("v", 0, 10, 1000)) == [1, 1, 1000, 100, 0, 10, 10]
    assert arrivals_at(("v", 24, 10, 400), ("v", 0, 34, 3400)) == [1, 0, 0, 0, 100, None, 34]
    both = arrivals_at(("v", 24, 10, 400), ("v", 0, 34, 3400), ("w", 0, 4, 100), ("x", 2, 6, 300))
    assert both == [3, 2, 400, 75, 100, 5, pytest.approx(44 / 3)]


def test_a_video_that_was_not_seen_for_more_than_a_week_is_new_again(arrivals_at):
    assert arrivals_at(("v", 168, 10, 400), ("v", 0, 178, 1780))[:2] == [1, 0]
    assert arrivals_at(("v", 169, 10, 400), ("v", 0, 179, 1790))[:2] == [1, 1]
    assert arrivals_at(("v", 191, 10, 400), ("v", 23, 178, 1780), from_hour=0)[:2] == [1, 0]  # a range reads as far


def test_only_what_was_known_counts(arrivals_at):
    later = {"fetched_at": -1}
    assert arrivals_at(("v", 24, 10, 400, later), ("v", 0, 34, 3400))[:2] == [1, 1]
    assert arrivals_at(("v", 3, 10, 400, later)) == [None] * 7
    assert arrivals_at(("v", 3, 10, 400), ("v", 1, 12, 9999, later))[:3] == [1, 1, 400]


def test_a_video_that_is_observed_twice_within_an_hour_is_not_new(arrivals_at):
    assert arrivals_at(("v", 0.5, 10, 400), ("v", 0.25, 10, 440))[:3] == [1, 0, 0]
    assert arrivals_at(("v", 0.5, 10, 400), ("v", 0.25, 10, 440, {"fetched_at": -1}))[:3] == [1, 1, 400]


def test_what_was_last_seen_a_day_ago_is_gone(arrivals_at):
    assert arrivals_at(("v", 24, 10, 400)) == [None] * 7
    assert arrivals_at(("v", 23, 10, 400))[:2] == [1, 1]


def test_unknown_views_count_as_none_and_no_age_is_below_an_hour(arrivals_at):
    assert arrivals_at(("v", 0, 0, None), ("w", 0, 0, 7)) == [2, 2, 7, 7, 0, 1, 1]


def test_a_video_without_the_hashtag_is_none_of_its_own(arrivals_at):
    assert arrivals_at(("v", 0, 10, 1000, {"hashtag_ids": [B]})) == [None] * 7
    assert arrivals_at(("v", 0, 10, 1000, {"hashtag_ids": [A, B, A]}))[:3] == [1, 1, 1000]
