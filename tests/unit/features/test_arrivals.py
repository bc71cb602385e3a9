"""Videos that were seen in the last day: new ones have views that the hashtag has not counted yet."""

from datetime import timedelta

import pytest

from trenddrop.features import hashtag_features

HOUR = timedelta(hours=1)
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
def arrivals(duckdb_engine, metric, reading):
    """Return the features of each case at hour 0; a case is a hashtag of its own.

    It is made of readings: video, hours before, age then, views and further columns.
    """

    def compute(*cases, from_hour=None):
        t = metric(0)["timestamp"]
        tags = [f"tiktok:{number}" for number in range(len(cases))]
        rows = [
            reading(t, f"{tag} {video}", ago, age, views)
            | {"hashtag_ids": [tag]}
            | {name: value if name == "hashtag_ids" else t - value * HOUR for name, value in more.items()}
            for tag, case in zip(tags, cases, strict=True)
            for video, ago, age, views, more in ((*one, {})[:5] for one in case)
        ]
        features = hashtag_features(
            duckdb_engine.load("hashtag_metrics", [metric(0) | {"hashtag_id": tag} for tag in tags]),
            video_observations=duckdb_engine.load("video_observations", rows),
            start=None if from_hour is None else t,
            stage=duckdb_engine.stage,
        )
        found = {row["hashtag_id"]: row for row in features.to_pyarrow().to_pylist()}
        return [[found[tag][name] for name in NAMES] for tag in tags]

    return compute


def test_a_video_is_new_until_it_is_seen_again(arrivals):
    old = [("v", 24, 10, 400), ("v", 0, 34, 3400)]
    first, again, both = arrivals([("v", 0, 10, 1000)], old, [*old, ("w", 0, 4, 100), ("x", 2, 6, 300)])
    assert first == [1, 1, 1000, 100, 0, 10, 10]
    assert again == [1, 0, 0, 0, 100, None, 34]
    assert both == [3, 2, 400, 75, 100, 5, pytest.approx(44 / 3)]


def test_a_video_that_was_not_seen_for_more_than_a_week_is_new_again(arrivals):
    within, after = arrivals([("v", 168, 10, 400), ("v", 0, 178, 1780)], [("v", 169, 10, 400), ("v", 0, 179, 1790)])
    assert (within[:2], after[:2]) == ([1, 0], [1, 1])
    (ranged,) = arrivals([("v", 191, 10, 400), ("v", 23, 178, 1780)], from_hour=0)
    assert ranged[:2] == [1, 0]  # a range reads as far


def test_only_what_was_known_counts(arrivals):
    later = {"fetched_at": -1}
    unseen, unknown, before = arrivals(
        [("v", 24, 10, 400, later), ("v", 0, 34, 3400)],
        [("v", 3, 10, 400, later)],
        [("v", 3, 10, 400), ("v", 1, 12, 9999, later)],
    )
    assert unseen[:2] == [1, 1]
    assert unknown == [None] * 7
    assert before[:3] == [1, 1, 400]


def test_a_video_that_is_observed_twice_within_an_hour_is_not_new(arrivals):
    first, second = ("v", 0.5, 10, 400), ("v", 0.25, 10, 440)
    twice, once = arrivals([first, second], [first, (*second, {"fetched_at": -1})])
    assert (twice[:3], once[:3]) == ([1, 0, 0], [1, 1, 400])


def test_what_was_last_seen_a_day_ago_is_gone(arrivals):
    gone, there = arrivals([("v", 24, 10, 400)], [("v", 23, 10, 400)])
    assert gone == [None] * 7
    assert there[:2] == [1, 1]


def test_unknown_views_count_as_none_and_no_age_is_below_an_hour(arrivals):
    assert arrivals([("v", 0, 0, None), ("w", 0, 0, 7)]) == [[2, 2, 7, 7, 0, 1, 1]]


def test_a_video_without_the_hashtag_is_none_of_its_own(arrivals):
    without, twice = arrivals(
        [("v", 0, 10, 1000, {"hashtag_ids": ["tiktok:other"]})],
        [("v", 0, 10, 1000, {"hashtag_ids": ["tiktok:1", "tiktok:other", "tiktok:1"]})],
    )
    assert without == [None] * 7
    assert twice[:3] == [1, 1, 1000]
