"""What is usual for a hashtag over three days, and what its hour and its videos bring against that."""

import pytest

from trenddrop.features import hashtag_features

NAMES = ("mean_views_72h", "views_to_mean_72h", "new_video_views_to_mean_72h", "video_views_to_mean_72h")


@pytest.fixture
def usual_at(engine, metric, reading):
    """Return the four features at hour ``at``, from {hour: views gained} and (video, hours before, age then, views)."""

    def compute(views, at, *readings, extra=()):
        t = metric(at)["timestamp"]
        seen = [reading(t, *one) for one in readings]
        rows = [metric(hour, view_count=gained) for hour, gained in views.items()]
        features = hashtag_features(
            engine.load("hashtag_metrics", [*rows, *extra]),
            video_observations=engine.load("video_observations", seen) if seen else None,
            stage=engine.stage,
        )
        row = next(row for row in features.to_pyarrow().to_pylist() if row["feature_timestamp"] == t)
        return [row[name] for name in NAMES]

    return compute


def test_the_usual_is_the_mean_of_the_known_hours_of_three_days(usual_at):
    views = {0: 1000.0, 1: 30.0, 50: None, 60: 0.0, 72: 90.0}
    assert usual_at(views, at=72) == [40.0, 2.25, None, None]
    assert usual_at(views | {71: 1000.0, 72: None}, at=72)[:2] == [pytest.approx(1030 / 3), None]
    assert usual_at({0: None}, at=0) == [None] * 4
    assert usual_at({0: 0.0}, at=0) == [0.0, None, None, None]


def test_videos_are_held_against_the_usual(usual_at):
    videos = (("v", 24, 10, 400), ("v", 0, 34, 3400), ("w", 0, 4, 100))  # 100 an hour, and a new one with 25
    assert usual_at({0: 40.0, 24: 60.0}, 24, *videos) == [50.0, 1.2, 0.5, 2.5]
    assert usual_at({0: 40.0, 24: 60.0}, 24, videos[0]) == [50.0, 1.2, None, None]  # last seen a day ago
    assert usual_at({0: 0.0, 24: 0.0}, 24, *videos) == [0.0, None, None, None]


def test_only_what_was_known_is_usual(usual_at, metric):
    views = {0: 40.0, 24: 60.0}
    late = metric(5, view_count=999.0, late=20 * 60)
    in_time = metric(6, view_count=20.0, late=17 * 60)
    corrected = metric(0, view_count=10.0, late=60)
    assert usual_at(views, 24, extra=[late]) == [50.0, 1.2, None, None]
    assert usual_at(views, 24, extra=[in_time]) == [40.0, 1.5, None, None]
    assert usual_at(views, 24, extra=[corrected])[0] == 35.0
