from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from trenddrop.modeling.bootstrap import (
    CHUNK,
    day_blocks,
    draw_multiplicities,
    interval,
    ratio,
    resampled_average_precision,
)


@given(seed=st.integers(0, 10_000), levels=st.integers(1, 30), blocks=st.integers(2, 6))
@settings(deadline=None, max_examples=40)
def test_every_resample_equals_the_weighted_average_precision(seed, levels, blocks):
    rng = np.random.default_rng(seed)
    viral = rng.random(80) < 0.2
    score = rng.integers(0, levels, 80).astype(float)
    block = rng.integers(0, blocks, 80)
    drawn = draw_multiplicities(blocks, resamples=7, rng=rng)
    found = resampled_average_precision(viral, {"s": score}, block, drawn)["s"]
    for column in range(7):
        weight = drawn[block, column]
        if (weight * viral).sum() == 0:
            assert np.isnan(found[column])
        else:
            expected = average_precision_score(viral[weight > 0], score[weight > 0], sample_weight=weight[weight > 0])
            assert found[column] == pytest.approx(expected)


def test_chunks_do_not_show():
    rng = np.random.default_rng(1)
    viral, score, block = rng.random(300) < 0.3, rng.random(300), rng.integers(0, 5, 300)
    drawn = draw_multiplicities(5, resamples=CHUNK + 3, rng=rng)
    whole = resampled_average_precision(viral, {"s": score}, block, drawn)["s"]
    last = resampled_average_precision(viral, {"s": score}, block, drawn[:, -1:])["s"]
    assert whole[-1] == pytest.approx(last[0])


def test_scores_are_paired_on_the_same_days():
    rng = np.random.default_rng(2)
    viral, score, block = rng.random(500) < 0.2, rng.random(500), rng.integers(0, 10, 500)
    drawn = draw_multiplicities(10, resamples=50, rng=rng)
    both = resampled_average_precision(viral, {"a": score, "b": 3 * score}, block, drawn)
    assert interval(ratio(both["a"], both["b"])) == (1.0, 1.0)


def test_blocks_are_whole_utc_days_in_order():
    moments = pl.Series([datetime(2025, 1, 3, 23, tzinfo=UTC) + timedelta(hours=h) for h in (0, 1, 2, 49)])
    assert day_blocks(moments).tolist() == [0, 1, 1, 2]
    assert day_blocks(moments, block_days=7).max() <= 1


def test_an_interval_needs_half_of_its_resamples():
    assert interval(np.array([np.nan, np.nan, 1.0])) is None
    assert interval(np.array([])) is None
    assert interval(np.array([1.0, np.nan, 1.0])) == (1.0, 1.0)


def test_a_rival_of_nothing_has_no_ratio():
    assert np.isnan(ratio(np.array([0.5]), np.array([0.0]))).all()


def test_no_positive_gives_no_figure():
    drawn = np.ones((2, 3))
    answer = resampled_average_precision(np.zeros(4, bool), {"s": np.arange(4.0)}, np.array([0, 0, 1, 1]), drawn)
    assert np.isnan(answer["s"]).all()
