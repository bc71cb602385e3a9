import numpy as np
import polars as pl
import pytest
from scipy.special import expit, logit

from trenddrop.modeling import metrics
from trenddrop.modeling.bootstrap import draw_multiplicities
from trenddrop.modeling.resampled import (
    resampled_brier_skill,
    resampled_calibration_error,
    resampled_calibration_slope,
    resampled_median,
    resampled_precision_at_k,
)

BLOCKS, HOURS, TAGS = 12, 5, 40


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(5)
    block = np.repeat(np.arange(BLOCKS), HOURS * TAGS)
    odds = rng.normal(-1.5, 1.0, block.size) + np.repeat(rng.normal(0, 0.3, BLOCKS), HOURS * TAGS)
    return block, rng.random(block.size) < expit(odds), expit(0.7 * odds)


@pytest.fixture(scope="module")
def drawn():
    return draw_multiplicities(BLOCKS, resamples=30, rng=np.random.default_rng(8))


def literally(world, drawn, figure):
    """Compute the figure on rows that are repeated as they were drawn."""
    block, viral, probability = world
    copies = [np.repeat(np.arange(block.size), times[block].astype(int)) for times in drawn.T]
    return np.array([figure(viral[rows], probability[rows]) for rows in copies])


def test_brier_skill_equals_that_of_repeated_rows(world, drawn):
    block, viral, probability = world
    expected = literally(world, drawn, metrics.brier_skill)
    np.testing.assert_allclose(resampled_brier_skill(viral, probability, block, drawn), expected, rtol=1e-9)


def test_one_newton_step_is_near_the_slope_of_repeated_rows(world, drawn):
    block, viral, probability = world
    expected = literally(world, drawn, metrics.calibration_slope)
    got = resampled_calibration_slope(viral, probability, block, drawn)
    assert expected.std() > 0.02
    np.testing.assert_allclose(got, expected, atol=0.2 * expected.std())


def test_calibration_error_is_that_of_repeated_rows_in_the_same_bins(world, drawn):
    block, viral, probability = world
    bin_of = metrics.equal_mass_bins(probability)
    got = resampled_calibration_error(viral, probability, block, drawn)
    for one, times in zip(got, drawn.T, strict=True):
        weight = times[block]
        gaps = [abs(((probability - viral) * weight)[bin_of == i].sum()) for i in range(bin_of.max() + 1)]
        assert one == pytest.approx(sum(gaps) / weight.sum())
    whole = resampled_calibration_error(viral, probability, block, np.ones((BLOCKS, 1)))
    assert whole[0] == pytest.approx(metrics.expected_calibration_error(viral, probability))


def test_precision_at_20_weighs_the_hours_of_drawn_days(world, drawn):
    block, viral, probability = world
    frame = pl.DataFrame(
        {
            "event_timestamp": np.repeat(np.arange(BLOCKS * HOURS), TAGS),
            "hashtag_id": [f"t{i}" for i in np.tile(np.arange(TAGS), BLOCKS * HOURS)],
            "p": probability,
            "viral": viral,
        }
    )
    hourly = metrics.hourly_precision(frame, score="p", viral="viral")["precision"].to_numpy()
    weights = drawn[np.repeat(np.arange(BLOCKS), HOURS)]
    got = resampled_precision_at_k(frame, block, drawn, score="p", viral="viral")
    np.testing.assert_allclose(got, (hourly[:, None] * weights).sum(axis=0) / weights.sum(axis=0))


def test_a_median_counts_each_value_as_often_as_its_block_was_drawn(drawn):
    rng = np.random.default_rng(8)
    block, values = rng.integers(0, BLOCKS, 40), rng.integers(0, 9, 40).astype(float)
    wanted = [np.median(np.repeat(values, times[block].astype(int))) for times in drawn.T]
    np.testing.assert_array_equal(resampled_median(values, block, drawn), wanted)
    assert np.isnan(resampled_median(values[:0], block[:0], drawn)).all()


def test_a_resample_without_a_positive_is_undecided(drawn):
    block, viral = np.arange(BLOCKS), np.zeros(BLOCKS, dtype=bool)
    viral[0] = True
    probability = np.linspace(0.1, 0.5, BLOCKS)
    without = drawn[0] == 0
    assert without.any()
    assert (np.isnan(resampled_brier_skill(viral, probability, block, drawn)) == without).all()


def test_equal_odds_have_no_slope(drawn):
    slopes = resampled_calibration_slope(
        np.arange(BLOCKS) < 3, np.full(BLOCKS, expit(logit(0.2))), np.arange(BLOCKS), drawn
    )
    assert np.isnan(slopes).all()
