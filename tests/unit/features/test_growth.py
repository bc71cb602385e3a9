"""Group A against numbers worked out by hand."""

import math

import pytest

from trenddrop.features import hashtag_features


@pytest.fixture
def last_row(duckdb_engine, metric):
    """Return the features of the last of these hourly view counts."""

    def compute(*views, **last):
        metrics = [metric(at, view_count=v) for at, v in enumerate(views)]
        metrics[-1] |= last
        rows = hashtag_features(duckdb_engine.load("hashtag_metrics", metrics)).to_pyarrow().to_pylist()
        return max(rows, key=lambda row: row["feature_timestamp"])

    return compute


def test_velocity_and_acceleration(last_row):
    row = last_row(10.0, 20.0, 50.0)
    assert row["velocity"] == pytest.approx(1.5)  # (50 - 20) / 20
    assert row["acceleration"] == pytest.approx(0.5)  # (1.5 - 1) / 1


def test_momentum_score(last_row):
    row = last_row(10.0, 20.0, 60.0)
    expected = 0.5 * math.tanh(2.0) + 0.3 * math.tanh(1.0) + 0.2 * math.tanh(60 / 30 - 1)
    assert row["momentum_score"] == pytest.approx(expected, rel=1e-12)


def test_momentum_takes_an_unknown_acceleration_as_none(last_row):
    row = last_row(20.0, 20.0)
    assert row["acceleration"] is None
    assert row["momentum_score"] == pytest.approx(0.0)


def test_falling_views_accelerate_against_the_size_of_the_fall(last_row):
    assert last_row(40.0, 20.0, 15.0)["acceleration"] == pytest.approx(0.5)  # (-0.25 + 0.5) / 0.5


@pytest.mark.parametrize("before", [0.0, None])
def test_a_zero_or_unknown_hour_before_gives_no_velocity(last_row, before):
    assert last_row(5.0, before, 10.0)["velocity"] is None


def test_views_are_summed_over_the_hours_that_are_known(last_row):
    row = last_row(*[1.0] * 20, None, *[2.0] * 5)
    assert row["views_6h"] == 10.0
    assert row["views_24h"] == 10.0 + 18.0
    assert row["velocity_6h"] == pytest.approx(10 / 6 - 1)
    assert row["view_count_lag_6h"] == 1.0
    assert row["view_count_lag_24h"] == 1.0
