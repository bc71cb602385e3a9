from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from trenddrop.modeling.uniqueness import average_uniqueness

START = datetime(2025, 6, 1, tzinfo=UTC)


def by_definition(rows, horizon):
    """Count, hour by hour, the windows of the same hashtag."""
    weights = []
    for name, hour in rows:
        shares = []
        for u in range(hour + 1, hour + horizon + 1):
            shares.append(1 / sum(1 for other, at in rows if other == name and at < u <= at + horizon))
        weights.append(np.mean(shares))
    return weights


def frame(rows):
    return pl.DataFrame(
        {"hashtag_id": [name for name, _ in rows], "event_timestamp": [START + timedelta(hours=at) for _, at in rows]},
        schema_overrides={"event_timestamp": pl.Datetime("us", "UTC")},
    )


@pytest.mark.parametrize("horizon", [1, 6, 24])
def test_it_is_the_mean_share_of_each_hour_of_the_window(horizon):
    rng = np.random.default_rng(horizon)
    rows = sorted({(f"t{rng.integers(4)}", int(rng.integers(90))) for _ in range(120)}, key=lambda row: rng.random())
    np.testing.assert_allclose(average_uniqueness(frame(rows), horizon), by_definition(rows, horizon))


def test_a_row_alone_is_its_own_and_one_among_many_is_not():
    alone = average_uniqueness(frame([("a", 0), ("b", 0), ("a", 24)]), 24)
    assert alone.tolist() == [1.0, 1.0, 1.0]
    assert average_uniqueness(frame([("a", hour) for hour in range(200)]), 24)[100] == pytest.approx(1 / 24)
    assert average_uniqueness(frame([]), 24).size == 0
