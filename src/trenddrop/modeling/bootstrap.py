"""How sure an average precision is: paired resampling of whole blocks of days.

Rows of one day are alike, so resampling rows would promise too narrow an interval. Each resample draws as many
blocks as there are, with replacement, and every score is judged on the same draws.
"""

from collections.abc import Mapping
from datetime import timedelta

import numpy as np
import polars as pl

from trenddrop.modeling.matrix import Booleans, Floats, Integers
from trenddrop.modeling.spec import ModelSpec

CHUNK = 200  # resamples at a time: bounds the memory of (positives, resamples) arrays


def day_blocks(event_timestamps: pl.Series, *, block_days: int = 1) -> Integers:
    """Return each row's block number, 0, 1, ...: consecutive stretches of UTC days."""
    days = event_timestamps.dt.epoch("s").to_numpy() // int(timedelta(days=block_days).total_seconds())
    _, block = np.unique(days, return_inverse=True)
    return block.astype(np.int64)


def draw_multiplicities(blocks: int, *, resamples: int, rng: np.random.Generator) -> Floats:
    """Return (blocks, resamples): how often each block is drawn in each resample."""
    return rng.multinomial(blocks, np.full(blocks, 1 / blocks), size=resamples).T.astype(np.float64)


def horizon_draws(block: Integers, spec: ModelSpec, horizon: int) -> Floats | None:
    """Return the recipe's (blocks, resamples) of a horizon, the same for all of its figures.

    A single block has nothing to vary: None.
    """
    if block.max() == 0:
        return None
    rng = np.random.default_rng([spec.seed, horizon])
    return draw_multiplicities(int(block.max()) + 1, resamples=spec.bootstrap.resamples, rng=rng)


def block_sums(block: Integers, *values: Booleans | Floats, size: int | None = None) -> Floats:
    """Return (values, blocks): the sum of each value over the rows of each block.

    >>> block_sums(np.array([0, 1, 1]), np.array([1.0, 2.0, 3.0]))
    array([[1., 5.]])
    """
    blocks = int(block.max()) + 1 if size is None else size
    return np.stack([np.bincount(block, weights=one.astype(np.float64), minlength=blocks) for one in values])


def resampled_average_precision(
    viral: Booleans, scores: Mapping[str, Floats], block: Integers, multiplicities: Floats
) -> dict[str, Floats]:
    """Return per score the average precision of every resample; NaN where one drew no positive.

    Equals ``sklearn.metrics.average_precision_score`` with the rows' multiplicities as weights. A row's precision is
    (positives at or above it) / (rows at or above it), both sums over blocks of count x multiplicity: so counting once
    per positive and block and one matrix product replace a pass over all rows for each resample.
    """
    return {name: _one_score(viral, score, block, multiplicities) for name, score in scores.items()}


def _one_score(viral: Booleans, score: Floats, block: Integers, multiplicities: Floats) -> Floats:
    blocks, resamples = multiplicities.shape
    levels = np.unique(score[viral])  # thresholds at which recall changes, rising
    if not levels.size:
        return np.full(resamples, np.nan)
    step = levels.size - np.searchsorted(levels, score, side="right")  # 0: at or above the highest level
    within = step < levels.size

    def count(rows: Booleans) -> Floats:
        cells = np.bincount(step[rows] * blocks + block[rows], minlength=levels.size * blocks)
        return cells.reshape(levels.size, blocks).astype(np.float64)

    gained = count(viral)
    found, shown = gained.cumsum(axis=0), count(within).cumsum(axis=0)
    result = np.empty(resamples)
    for start in range(0, resamples, CHUNK):
        drawn = multiplicities[:, start : start + CHUNK]
        rows, positives = shown @ drawn, found @ drawn
        precision = np.divide(positives, rows, out=np.zeros_like(rows), where=rows > 0)
        total = positives[-1]
        area = ((gained @ drawn) * precision).sum(axis=0)
        result[start : start + CHUNK] = np.divide(area, total, out=np.full_like(total, np.nan), where=total > 0)
    return result


def interval(samples: Floats, *, level: float = 0.95) -> tuple[float, float] | None:
    """Return the percentile interval of the resamples that were decided; None when fewer than half were.

    >>> interval(np.array([1.0, 2.0, 3.0]), level=0.5)
    (1.5, 2.5)
    """
    decided = samples[np.isfinite(samples)]
    if decided.size * 2 < samples.size or not decided.size:
        return None
    low, high = np.quantile(decided, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def ratio(samples: Floats, rival: Floats) -> Floats:
    """Return the paired ratios of two scores' resamples; NaN where the rival has nothing to divide by."""
    return np.divide(samples, rival, out=np.full_like(samples, np.nan), where=rival > 0)
