import os
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from trenddrop.modeling.conformal import (
    ALL_MISSES,
    EVERYTHING,
    BandDays,
    Intervals,
    band_days,
    interval_columns,
    no_intervals,
    walk,
)

EXAMPLES = int(os.environ.get("TRENDDROP_DEEP_EXAMPLES", "40"))
ONE_BAND = Intervals(bands=())
START = datetime(2025, 3, 1, tzinfo=UTC)


def stream(predicted, observed):
    """Days of one band."""
    predicted, observed = (np.asarray(values, dtype=float)[:, None] for values in (predicted, observed))
    return BandDays(np.arange(len(predicted), dtype=np.int64), np.full(predicted.shape, 90.0), predicted, observed)


def drifting(seed, *, days, speed, jumps):
    """Shares around a probability whose bias wanders and jumps: nothing here is exchangeable."""
    rng = np.random.default_rng(seed)
    bias = np.cumsum(rng.normal(0, speed, days)) + jumps * np.cumsum(rng.random(days) < 0.01)
    predicted = rng.uniform(0.05, 0.6, days)
    noise = rng.normal(0, rng.uniform(0.02, 0.2), days)
    return stream(predicted, np.clip(predicted + 0.3 * np.sin(bias) + noise, 0, 1))


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.02, 0.2]), st.sampled_from([0.0, 1.0]), st.sampled_from([6, 48])
)
def test_under_drift_the_long_run_coverage_approaches_the_target(seed, speed, jumps, horizon):
    days = drifting(seed, days=600, speed=speed, jumps=jumps)
    coverage = walk(no_intervals(ONE_BAND, horizon), days).covered
    assert abs(coverage[300:].mean() - 0.9) < 0.06


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.01, 0.5, 0.99, 1.0]), min_size=100, max_size=300), st.sampled_from([6, 24, 48]))
def test_no_stream_whatever_can_miss_more_than_the_bound_says(shares, horizon):
    """The mean of the misses is at most the target plus what the level can fall by, over rate x days."""
    covered = walk(no_intervals(ONE_BAND, horizon), stream(np.full(len(shares), 0.2), shares)).covered
    rate, lag = ONE_BAND.rate, 2 + horizon // 24
    fall = 0.1 + rate * (ALL_MISSES + lag + 1)
    assert 1 - covered.mean() <= 0.1 + fall / (rate * len(shares))


def test_fixed_intervals_would_lose_the_coverage_that_adaptive_ones_keep():
    """The stream of the property is hard enough to tell the method from a quantile that is chosen once."""
    lost = kept = 0.0
    for seed in range(5):
        days = drifting(seed, days=600, speed=0.02, jumps=1.0)
        found = walk(no_intervals(ONE_BAND, 6), days)
        fixed = np.quantile(np.abs(np.arcsin(np.sqrt(days.observed)) - np.arcsin(np.sqrt(days.predicted)))[:60], 0.9)
        errors = np.abs(np.arcsin(np.sqrt(days.observed)) - np.arcsin(np.sqrt(days.predicted)))
        lost = max(lost, abs((errors[300:] <= fixed).mean() - 0.9))
        kept = max(kept, abs(found.covered[300:].mean() - 0.9))
    assert lost > 0.2
    assert kept < 0.05


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 1000), st.integers(10, 40), st.sampled_from([6, 24, 48]))
def test_a_day_is_judged_by_outcomes_that_were_known_when_it_began(seed, cut, horizon):
    """Whatever the days say whose outcomes were not all known, the radius of the day stays."""
    days = drifting(seed, days=60, speed=0.1, jumps=1.0)
    first_unknown = cut - (1 + -(-horizon // 24)) + 1
    other = days.observed.copy()
    other[first_unknown:] = 1 - other[first_unknown:]
    changed = BandDays(days.days, days.rows, days.predicted, other)
    start = no_intervals(ONE_BAND, horizon)
    assert np.array_equal(walk(start, days).radius[: cut + 1], walk(start, changed).radius[: cut + 1])
    if cut + 1 < 60:
        assert walk(start, days).known.errors.shape == (60, 1)


def test_the_interval_holds_its_probability_stays_within_0_and_1_and_is_everything_before_the_first_day():
    p = np.array([1e-6, 0.003, 0.2, 0.99, 1 - 1e-6])
    low, high = no_intervals(Intervals(), 6).bounds(p)
    assert low.tolist() == pytest.approx([0] * 5, abs=1e-12)
    assert high.tolist() == pytest.approx([1] * 5)
    known = walk(no_intervals(Intervals(), 6), wide_days()).known
    low, high = known.bounds(p)
    assert ((low >= 0) & (low <= p) & (p <= high) & (high <= 1)).all()
    assert (high - low)[2] < 0.2


def wide_days():
    """Thirty days of all ten bands, off by a hundredth."""
    middle = np.array([(a + b) / 2 for a, b in Intervals().spans()])
    predicted = np.tile(middle, (30, 1))
    observed = np.clip(predicted + 0.01 * (-1) ** np.arange(30)[:, None], 0, 1)
    return BandDays(np.arange(30, dtype=np.int64), np.full_like(predicted, 90.0), predicted, observed)


def test_a_band_of_few_days_borrows_the_errors_of_all():
    days = wide_days()
    observed = days.observed.copy()
    observed[3:, 9] = np.nan
    predicted = np.where(np.isnan(observed), np.nan, days.predicted)
    rows = np.where(np.isnan(observed), 0.0, 100.0)
    rows[:3, 9] = 4.0
    known = walk(no_intervals(Intervals(block_rows=1), 6), BandDays(days.days, rows, predicted, observed)).known
    noise = (known.errors * np.sqrt(known.rows))[known.rows > 0]
    rank = int(np.ceil((1 - known.misses[9]) * (noise.size + 1)))
    assert known.radius()[9] == pytest.approx(np.sort(noise)[rank - 1] / 2)  # of four rows a day
    assert known.radius()[8] == np.sort(known.errors[:, 8])[int(np.ceil((1 - known.misses[8]) * 31)) - 1]


def test_few_rows_are_judged_together_with_those_of_the_days_before():
    rows = np.array([[10.0, 40.0], [15.0, 40.0], [5.0, 40.0], [31.0, 40.0], [7.0, 40.0]])
    share = np.array([[0.2, 0.5], [0.4, 0.5], [0.0, 0.5], [1.0, 0.5], [0.3, 0.5]])
    blocks = BandDays(np.arange(5), rows, share / 2, share).in_blocks(30)
    assert blocks.rows[:, 0].tolist() == [0, 0, 30, 31, 0]
    assert blocks.rows[:, 1].tolist() == [40] * 5
    assert blocks.observed[2, 0] == pytest.approx((10 * 0.2 + 15 * 0.4) / 30)
    assert blocks.predicted[2, 0] == pytest.approx(blocks.observed[2, 0] / 2)
    assert np.isnan(blocks.observed[[0, 1, 4], 0]).all()


def test_a_miss_widens_and_many_misses_in_a_row_become_everything():
    quiet = walk(no_intervals(ONE_BAND, 6), stream([0.2] * 30, [0.21] * 30)).known
    few = many = quiet
    for day in range(5):
        few = few.learn(31 + day, np.ones(1), np.array([0.4]), np.array([1.0]))
    assert quiet.radius()[0] < few.radius()[0] == 0.4
    for day in range(40):
        many = many.learn(31 + day, np.ones(1), np.array([0.1]), np.array([1.0]))
    assert many.radius()[0] == EVERYTHING


def test_walking_on_from_what_is_known_goes_over_the_same_days_once():
    days = drifting(1, days=60, speed=0.1, jumps=0.0)
    start = no_intervals(ONE_BAND, 6)
    whole = walk(start, days).known
    first = BandDays(days.days[:40], days.rows[:40], days.predicted[:40], days.observed[:40])
    half = walk(start, first).known
    again = walk(half, days.after(half.known_day)).known
    assert (again.known_day, again.errors.shape) == (whole.known_day, whole.errors.shape)
    assert np.array_equal(again.errors, whole.errors)


def test_rows_are_counted_by_day_and_band_and_unknown_outcomes_not_at_all():
    frame = pl.DataFrame(
        {
            "event_timestamp": moments(0, 23, 48, 0, 49, 60, 60, 60),
            "probability_6h": [0.11, 0.19, 0.6, 0.15, 0.05, 0.05, 0.05, 0.05],
            "is_viral_6h": [True, False, True, None, False, True, None, None],
        }
    )
    counted = band_days(frame, Intervals(bands=(0.1, 0.2)), 6)
    assert np.diff(counted.days).tolist() == [2]
    assert counted.rows.tolist() == [[0, 2, 0], [1, 0, 1]]  # of the last hour only the event is known
    assert counted.predicted[0, 1] == pytest.approx(0.15)
    assert (counted.observed[0, 1], counted.observed[1, 2]) == (0.5, 1.0)
    assert np.isnan(counted.observed[0, 0])


def moments(*hours):
    return pl.Series([START + timedelta(hours=hour) for hour in hours], dtype=pl.Datetime("us", "UTC"))


def test_columns_are_null_until_a_day_is_known():
    frame = pl.DataFrame({"probability_6h": [0.2, 0.01], "probability_12h": [0.3, 0.02]})
    known = walk(no_intervals(Intervals(), 6), wide_days()).known
    columns = interval_columns(frame, [known, no_intervals(Intervals(), 12)])
    assert columns.columns == ["low_6h", "high_6h", "low_12h", "high_12h"]
    assert columns["low_12h"].null_count() == 2
    assert (columns["low_6h"] < frame["probability_6h"]).all()


def test_past_rows_have_the_interval_of_their_day_and_later_ones_that_of_the_last():
    found = walk(no_intervals(ONE_BAND, 6), stream([0.2] * 5, [0.25] * 5))
    frame = pl.DataFrame(
        {
            "event_timestamp": pl.Series([0, 1, 2, 4, 9]).cast(pl.Int64) * 86_400_000_000 + 3_600_000_000,
            "probability_6h": [0.3] * 5,
        }
    ).with_columns(pl.col("event_timestamp").cast(pl.Datetime("us", "UTC")))
    columns = found.columns(frame)
    assert columns["low_6h"].is_null().to_list() == [True, True, False, False, False]
    assert columns["high_6h"][3] == columns["high_6h"][4] == pytest.approx(0.35625, abs=1e-5)


def test_bands_that_do_not_rise_are_refused():
    with pytest.raises(ValidationError, match="rising shares between 0 and 1"):
        Intervals(bands=(0.2, 0.1))
