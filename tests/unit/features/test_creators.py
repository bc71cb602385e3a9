"""Groups C and E against numbers worked out by hand."""

from datetime import timedelta

import pytest

from trenddrop.features import hashtag_features

HOUR = timedelta(hours=1)
A, B = "tiktok:a", "tiktok:b"


@pytest.fixture
def row_at(duckdb_engine, metric):
    """Return the features of hashtag a at hour 0, from videos given as (hours before, creator, views, tags, more)."""

    def compute(*videos, views=(1.0, 1.0)):
        t = metric(0)["timestamp"]
        rows = [
            {
                "video_id": f"v{i}",
                "observed_at": t - age * HOUR,
                "fetched_at": t - age * HOUR,
                "created_at": t - age * HOUR,
                "creator_id": creator,
                "view_count": seen,
                "hashtag_ids": tags,
                "platform": "tiktok",
                "batch_id": "b",
                **(more[0] if more else {}),
            }
            for i, (age, creator, seen, tags, *more) in enumerate(videos)
        ]
        metrics = [metric(0, tag=tag, view_count=v) for tag, v in zip("ab", views, strict=True)]
        features = hashtag_features(
            duckdb_engine.load("hashtag_metrics", metrics),
            video_observations=duckdb_engine.load("video_observations", rows),
            stage=duckdb_engine.stage,
        )
        return next(row for row in features.to_pyarrow().to_pylist() if row["hashtag_id"] == A)

    return compute


def test_shares_of_the_creators(row_at):
    row = row_at((1, "p", 30, [A]), (2, "p", 30, [A]), (3, "q", 40, [A]), (30, "p", 10**6, [A]), (1, "r", 9, [B]))
    assert row["unique_creators_count"] == 2
    assert row["creator_diversity_index"] == pytest.approx(0.6**2 + 0.4**2)
    assert row["top_creator_dominance"] == pytest.approx(0.6)
    assert row["new_creators_ratio"] == pytest.approx(0.5)  # p made one a day before


def test_a_creator_of_long_ago_is_not_new(row_at):
    assert row_at((1, "p", 1, [A]), (90 * 24, "p", 1, [A]))["new_creators_ratio"] == 0.0


def test_squares_of_billions_of_views_stay_exact(row_at):
    row = row_at((1, "p", 3 * 10**9 + 1, [A]), (2, "q", 10**9 + 7, [A]))
    p, q = 3 * 10**9 + 1, 10**9 + 7
    assert row["creator_diversity_index"] == pytest.approx((p * p + q * q) / (p + q) ** 2, rel=1e-15)


def test_without_window_videos_nothing_is_known(row_at):
    row = row_at((24, "p", 5, [A, B]), (1, None, 5, [B]))
    names = ("unique_creators_count", "creator_diversity_index", "new_creators_ratio", "top_creator_dominance")
    novelty = ("novelty_index", "cross_hashtag_novelty", "sound_novelty_score")
    assert [row[name] for name in (*names, *novelty)] == [None] * 7


def test_creators_without_views_have_no_shares(row_at):
    row = row_at((1, "p", 0, [A]), (1, "q", None, [A]))
    assert (row["unique_creators_count"], row["creator_diversity_index"], row["top_creator_dominance"]) == (
        2,
        None,
        None,
    )


def test_co_hashtags_of_the_days_before_are_not_new(row_at):
    row = row_at(
        (1, "p", 1, [A, "tiktok:x", "tiktok:y"]), (30, "q", 1, [A, "tiktok:x"]), (200, "q", 1, [A, "tiktok:y"])
    )
    assert row["novelty_index"] == pytest.approx(0.5)  # y was there, but more than 8 days before


def test_creators_shared_with_a_large_hashtag(row_at):
    row = row_at((1, "p", 1, [A]), (2, "q", 1, [A]), (1, "q", 1, [B]), (3, "r", 1, [B]), (4, "s", 1, [B]))
    assert row["cross_hashtag_novelty"] == pytest.approx(1 - 1 / 4)


def test_a_hashtag_without_known_views_is_not_compared_with(row_at):
    assert row_at((1, "p", 1, [A, B]), views=(1.0, None))["cross_hashtag_novelty"] is None
    assert row_at((1, "p", 1, [A, B]), views=(None, 1.0))["cross_hashtag_novelty"] == 0.0


def test_a_sound_that_comes_back_is_not_new(row_at):
    row = row_at(
        (1, "p", 1, [A], {"sound_id": "x"}),
        (2, "p", 1, [A], {"sound_id": "y"}),
        (3, "p", 1, [A], {"sound_id": None}),
        (60 * 24, "p", 1, [B], {"sound_id": "x"}),
        (6 * 24, "p", 1, [B], {"sound_id": "y"}),
    )
    assert row["sound_novelty_score"] == pytest.approx(0.5)
