"""What is usual for a hashtag over three days, and what its hour and its videos bring against that."""

import pytest

from trenddrop.features import hashtag_features

NAMES = ("mean_views_72h", "views_to_mean_72h", "new_video_views_to_mean_72h", "video_views_to_mean_72h")


@pytest.fixture
def usual(engine, metric, reading):
    """Return the four features of each case at hour ``at``; a case is a hashtag of its own.

    A case is {hour: views gained}, ``at``, readings (video, hours before, age then, views) and further rows.
    """

    def compute(*cases):
        rows, seen, moments = [], [], []
        for number, (views, at, readings, extra) in enumerate((*case, (), ())[:4] for case in cases):
            tag = f"tiktok:{number}"
            moments.append((tag, metric(at)["timestamp"]))
            gained = [metric(hour, view_count=gained) for hour, gained in views.items()]
            rows += [row | {"hashtag_id": tag} for row in (*gained, *extra)]
            for video, *one in readings:
                row = reading(moments[-1][1], f"{number} {video}", *one)
                seen.append(row | {"hashtag_ids": [tag]})
        features = hashtag_features(
            engine.load("hashtag_metrics", rows),
            video_observations=engine.load("video_observations", seen) if seen else None,
            stage=engine.stage,
        )
        found = {(row["hashtag_id"], row["feature_timestamp"]): row for row in features.to_pyarrow().to_pylist()}
        return [[found[moment][name] for name in NAMES] for moment in moments]

    return compute


def test_the_usual_is_the_mean_of_the_known_hours_of_three_days(usual):
    views = {0: 1000.0, 1: 30.0, 50: None, 60: 0.0, 72: 90.0}
    known, unknown, nothing, zero = usual(
        (views, 72), (views | {71: 1000.0, 72: None}, 72), ({0: None}, 0), ({0: 0.0}, 0)
    )
    assert known == [40.0, 2.25, None, None]
    assert unknown[:2] == [pytest.approx(1030 / 3), None]
    assert nothing == [None] * 4
    assert zero == [0.0, None, None, None]


def test_videos_are_held_against_the_usual(usual):
    videos = (("v", 24, 10, 400), ("v", 0, 34, 3400), ("w", 0, 4, 100))  # 100 an hour, and a new one with 25
    views = {0: 40.0, 24: 60.0}
    held, gone, zero = usual((views, 24, videos), (views, 24, videos[:1]), ({0: 0.0, 24: 0.0}, 24, videos))
    assert held == [50.0, 1.2, 0.5, 2.5]
    assert gone == [50.0, 1.2, None, None]  # last seen a day ago
    assert zero == [0.0, None, None, None]


def test_only_what_was_known_is_usual(usual, metric):
    views = {0: 40.0, 24: 60.0}
    late = metric(5, view_count=999.0, late=20 * 60)
    in_time = metric(6, view_count=20.0, late=17 * 60)
    corrected = metric(0, view_count=10.0, late=60)
    blind, told, mended = usual(*((views, 24, (), [row]) for row in (late, in_time, corrected)))
    assert blind == [50.0, 1.2, None, None]
    assert told == [40.0, 1.5, None, None]
    assert mended[0] == 35.0
