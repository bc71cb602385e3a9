from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trenddrop.core.errors import InputError
from trenddrop.modeling import fit, predict
from trenddrop.modeling.metrics import average_precision
from trenddrop.training.split import default_test_from, split_by_time

TEST_FROM = datetime(2025, 3, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)


def hourly(hours):
    return pl.DataFrame(
        {
            "event_timestamp": [TEST_FROM + h * HOUR for h in hours],
            "is_viral_6h": [True] * len(hours),
            "is_viral_24h": [None if h % 5 == 0 else False for h in hours],
        }
    )


def hours_before(frame):
    return set(((TEST_FROM - frame["event_timestamp"]).dt.total_hours()).to_list())


def test_exactly_the_touching_rows_are_purged_and_the_embargo_follows():
    split = split_by_time(hourly(range(-100, 10)), test_from=TEST_FROM, horizons=[6], embargo=48 * HOUR)
    assert split.purged == {6: 6}  # hours -6 to -1: an outcome window that ends at the start touches it
    assert split.embargoed == {6: 48}
    assert hours_before(split.train) == set(range(55, 101))
    assert split.test.height == 10


def test_horizons_are_purged_apart_and_unknown_outcomes_are_not_counted():
    split = split_by_time(hourly(range(-30, 3)), test_from=TEST_FROM, horizons=[6, 24], embargo=0 * HOUR)
    assert hours_before(split.train.drop_nulls("is_viral_6h")) == set(range(7, 31))
    assert hours_before(split.train.drop_nulls("is_viral_24h")) == {26, 27, 28, 29}
    assert split.purged == {6: 6, 24: 20}


def test_rows_that_teach_nothing_are_gone_and_test_rows_of_unknown_outcome_stay():
    split = split_by_time(hourly(range(-30, 6)), test_from=TEST_FROM, horizons=[24], embargo=0 * HOUR)
    assert split.train["is_viral_24h"].null_count() == 0
    assert split.test.height == 6
    assert split.test["is_viral_24h"].null_count() == 2


@given(
    hours=st.lists(st.integers(-300, 60), min_size=1, max_size=40, unique=True),
    embargo=st.integers(0, 72),
    horizon=st.sampled_from([6, 24]),
)
@settings(deadline=None, max_examples=60)
def test_no_outcome_of_a_training_row_is_seen_from_the_embargo_on(hours, embargo, horizon):
    frame = hourly(hours)
    split = split_by_time(frame, test_from=TEST_FROM, horizons=[horizon], embargo=embargo * HOUR)
    taught = split.train.filter(pl.col(f"is_viral_{horizon}h").is_not_null())
    assert all(moment + (horizon + embargo) * HOUR < TEST_FROM for moment in taught["event_timestamp"])
    assert all(moment >= TEST_FROM for moment in split.test["event_timestamp"])
    known = frame.filter(pl.col(f"is_viral_{horizon}h").is_not_null() & (pl.col("event_timestamp") < TEST_FROM)).height
    assert taught.height + split.purged[horizon] + split.embargoed[horizon] == known


def test_a_random_split_scores_a_leak_that_the_purged_split_does_not(spec):
    """Each hashtag is viral or not for a stretch of days by pure chance: only its neighbours in time can tell."""
    rng = np.random.default_rng(4)
    tags, hours = 40, 24 * 24
    chance = np.repeat(rng.random((hours // 72, tags)) < 0.3, 72, axis=0)
    frame = pl.DataFrame(
        {
            "hashtag_id": [f"t{i:02}" for _ in range(hours) for i in range(tags)],
            "event_timestamp": [TEST_FROM + h * HOUR for h in range(hours) for _ in range(tags)],
            "signature": np.tile(rng.normal(size=tags), hours),
            "age": np.repeat(np.arange(hours, dtype=float), tags),
            "is_viral_6h": chance.ravel(),
        }
    )
    recipe = spec.model_copy(update={"params": {"num_leaves": 63, "learning_rate": 0.3, "min_data_in_leaf": 5}})

    def skill(train, test):
        answer = predict(fit(train, recipe, features=["signature", "age"]), test)["probability_6h"].to_numpy()
        viral = test["is_viral_6h"].to_numpy()
        return average_precision(viral, answer) / viral.mean()

    is_test = rng.random(frame.height) < 0.25
    leaky = skill(frame.filter(~is_test), frame.filter(is_test))
    split = split_by_time(frame, test_from=TEST_FROM + 18 * 24 * HOUR, horizons=[6], embargo=48 * HOUR)
    assert leaky > 2.5
    assert skill(split.train, split.test) < 1.5


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2024-05-10", "2025-09-30", "2025-06-01T00:00"),  # long: the nearest start of a month
        ("2025-01-01", "2025-07-02", "2025-06-01T00:00"),
        ("2025-03-01", "2025-03-16", "2025-03-12T00:00"),  # short: the nearest start of a day
        ("2025-03-01", "2025-03-02", "2025-03-02T00:00"),
        ("2025-03-01T01", "2025-03-01T23", "2025-03-01T17:00"),  # within a day: the hour
    ],
)
def test_the_default_test_period_starts_near_three_quarters(start, end, expected):
    moments = pl.Series([datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (start, end)])
    assert default_test_from(moments) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@given(hours=st.integers(1, 20_000))
@settings(deadline=None, max_examples=60)
def test_the_default_lies_inside_the_range(hours):
    start = datetime(2024, 2, 29, 7, tzinfo=UTC)
    assert start < default_test_from(pl.Series([start, start + hours * HOUR])) <= start + hours * HOUR or hours < 3


def test_no_rows_have_no_test_period():
    with pytest.raises(InputError, match="no rows"):
        default_test_from(pl.Series([], dtype=pl.Datetime("us", "UTC")))
