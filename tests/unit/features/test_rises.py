"""The rhythm in which views rise: looked at over four weeks, as it was known then."""

import pytest

from trenddrop.features import hashtag_features

NAMES = ("hours_since_rise", "hours_between_rises", "hours_between_earlier_rises")


@pytest.fixture
def rhythm_at(engine, metric):
    """Return the three features at hour ``at``, from {hour: views gained} and further rows."""

    def compute(views, at, extra=(), *, from_hour=None):
        rows = [metric(hour, view_count=gained, view_total=1.0) for hour, gained in views.items()]
        start = None if from_hour is None else metric(from_hour)["timestamp"]
        features = hashtag_features(
            engine.load("hashtag_metrics", [*rows, *extra]), start=start, stage=engine.stage
        ).to_pyarrow()
        moment = metric(at)["timestamp"]
        return next([row[name] for name in NAMES] for row in features.to_pylist() if row["feature_timestamp"] == moment)

    return compute


def test_hours_since_the_last_rise_and_between_those_before(rhythm_at):
    views = {0: 5.0, 3: 0.0, 10: 2.0, 12: 0.0, 30: 7.0, 33: 0.0, 36: None}
    assert rhythm_at(views, at=36) == [6.0, 20.0, 10.0]
    assert rhythm_at(views, at=30) == [0.0, 20.0, 10.0]  # a rise in T's own hour is the last one
    assert rhythm_at(views, at=12) == [2.0, 10.0, None]
    assert rhythm_at({0: 0.0, 3: None}, at=3) == [None, None, None]


def test_a_rise_is_forgotten_after_four_weeks(rhythm_at):
    views = {0: 1.0, 100: 1.0, 110: 1.0}
    assert rhythm_at(views | {671: 0.0}, at=671) == [561.0, 10.0, 100.0]
    assert rhythm_at(views | {672: 0.0}, at=672) == [562.0, 10.0, None]
    assert rhythm_at(views | {781: 0.0}, at=781) == [671.0, None, None]
    assert rhythm_at(views | {782: 0.0}, at=782) == [None, None, None]


def test_a_range_sees_the_four_weeks_before_it(rhythm_at):
    views = {0: 1.0, 100: 1.0, 110: 1.0, 671: 0.0}
    assert rhythm_at(views, at=671, from_hour=671) == [561.0, 10.0, 100.0]


def test_only_observed_hours_count_as_they_were_known_when_they_ended(rhythm_at, metric):
    views = {0: 1.0, 20: 0.0}
    gap = metric(5, view_count=3.0, is_gap=True)
    late = metric(6, view_count=3.0, late=30)
    corrected = [metric(7, view_count=3.0, late=-40), metric(7, view_count=0.0, late=-20)]
    risen = [
        metric(8, view_count=0.0, late=-40),
        metric(8, view_count=3.0, late=-20),
        metric(8, view_count=0.0, late=30),
    ]
    assert rhythm_at(views, at=20, extra=[gap, late, *corrected]) == [20.0, None, None]
    assert rhythm_at(views, at=20, extra=risen) == [12.0, 8.0, None]
