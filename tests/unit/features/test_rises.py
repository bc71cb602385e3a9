"""The rhythm in which views rise: looked at over four weeks, as it was known then."""

from datetime import timedelta

import pytest

from trenddrop.features import hashtag_features

HOUR = timedelta(hours=1)
NAMES = ("hours_since_rise", "hours_between_rises", "hours_between_earlier_rises")


@pytest.fixture
def rhythms(engine, metric):
    """Return the three features of each hashtag by hour, from {hour: views gained} of hashtag a and further rows."""

    def compute(views, extra=(), *, from_hour=None):
        rows = [metric(hour, view_count=gained, view_total=1.0) for hour, gained in views.items()]
        start = None if from_hour is None else metric(from_hour)["timestamp"]
        features = hashtag_features(
            engine.load("hashtag_metrics", [*rows, *extra]), start=start, stage=engine.stage
        ).to_pyarrow()
        origin = metric(0)["timestamp"]
        return {
            (row["hashtag_id"], (row["feature_timestamp"] - origin) // HOUR): [row[name] for name in NAMES]
            for row in features.to_pylist()
        }

    return compute


def test_hours_since_the_last_rise_and_between_those_before(rhythms, metric):
    flat = [metric(0, tag="b", view_count=0.0), metric(3, tag="b", view_count=None)]
    found = rhythms({0: 5.0, 3: 0.0, 10: 2.0, 12: 0.0, 30: 7.0, 33: 0.0, 36: None}, flat)
    assert found["tiktok:a", 36] == [6.0, 20.0, 10.0]
    assert found["tiktok:a", 30] == [0.0, 20.0, 10.0]  # a rise in T's own hour is the last one
    assert found["tiktok:a", 12] == [2.0, 10.0, None]
    assert found["tiktok:b", 3] == [None, None, None]


def test_a_rise_is_forgotten_after_four_weeks(rhythms):
    found = rhythms({0: 1.0, 100: 1.0, 110: 1.0} | dict.fromkeys((671, 672, 781, 782), 0.0))
    assert found["tiktok:a", 671] == [561.0, 10.0, 100.0]
    assert found["tiktok:a", 672] == [562.0, 10.0, None]
    assert found["tiktok:a", 781] == [671.0, None, None]
    assert found["tiktok:a", 782] == [None, None, None]


def test_a_range_sees_the_four_weeks_before_it(rhythms):
    views = {0: 1.0, 100: 1.0, 110: 1.0, 671: 0.0}
    assert rhythms(views, from_hour=671) == {("tiktok:a", 671): [561.0, 10.0, 100.0]}


def test_only_observed_hours_count_as_they_were_known_when_they_ended(rhythms, metric):
    gap = metric(5, view_count=3.0, is_gap=True)
    late = metric(6, view_count=3.0, late=30)
    corrected = [metric(7, view_count=3.0, late=-40), metric(7, view_count=0.0, late=-20)]
    risen = [
        metric(0, tag="b", view_count=1.0),
        metric(8, tag="b", view_count=0.0, late=-40),
        metric(8, tag="b", view_count=3.0, late=-20),
        metric(8, tag="b", view_count=0.0, late=30),
        metric(20, tag="b", view_count=0.0),
    ]
    found = rhythms({0: 1.0, 20: 0.0}, [gap, late, *corrected, *risen])
    assert found["tiktok:a", 20] == [20.0, None, None]
    assert found["tiktok:b", 20] == [12.0, 8.0, None]
