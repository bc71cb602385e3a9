"""The other figures of every resample of days, from sums per block: no pass over the rows for each resample.

The draws are those of average precision (see ``modeling.bootstrap``), so a report's intervals are all of the same days.
"""

import numpy as np
import polars as pl
from scipy.special import expit, logit  # type: ignore[import-untyped]

from trenddrop.modeling.bootstrap import CHUNK, block_sums
from trenddrop.modeling.logistic_line import EDGE, logistic_line
from trenddrop.modeling.matrix import Booleans, Floats, Integers
from trenddrop.modeling.metrics import equal_mass_bins, hourly_precision


def resampled_brier_skill(viral: Booleans, probability: Floats, block: Integers, drawn: Floats) -> Floats:
    """Return 1 - Brier / Brier of the resample's own prevalence; NaN where its outcomes are all alike."""
    rows, positives, error = block_sums(block, np.ones(viral.size), viral, (probability - viral) ** 2) @ drawn
    uncertainty = positives * (rows - positives) / rows
    return 1 - np.divide(error, uncertainty, out=np.full_like(error, np.nan), where=uncertainty > 0)


def resampled_calibration_error(viral: Booleans, probability: Floats, block: Integers, drawn: Floats) -> Floats:
    """Return the equal-mass calibration error of every resample, in the bins of all rows."""
    bin_of = equal_mass_bins(probability)
    bins = int(bin_of.max()) + 1
    cells = block_sums(bin_of * drawn.shape[0] + block, probability - viral, size=bins * drawn.shape[0])
    gaps = cells.reshape(bins, drawn.shape[0]) @ drawn
    error: Floats = np.abs(gaps).sum(axis=0) / (block_sums(block, np.ones(viral.size)) @ drawn)[0]
    return error


def resampled_calibration_slope(viral: Booleans, probability: Floats, block: Integers, drawn: Floats) -> Floats:
    """Return the calibration slope of every resample: one Newton step from the slope of all rows.

    The one-step estimate differs from the full one by terms of the second order only (van der Vaart, "Asymptotic
    Statistics", 5.7). NaN where all odds or all outcomes are alike.
    """
    odds = logit(np.clip(probability, EDGE, 1 - EDGE))
    if not 0 < viral.mean() < 1 or np.ptp(odds) == 0:
        return np.full(drawn.shape[1], np.nan)
    slope, intercept = logistic_line(odds, viral)
    fitted = expit(slope * odds + intercept)
    weight, miss = fitted * (1 - fitted), viral - fitted
    columns = (miss * odds, miss, weight * odds**2, weight * odds, weight)
    gradient, level, xx, x, one = block_sums(block, *columns) @ drawn
    determinant = xx * one - x**2
    step = np.divide(one * gradient - x * level, determinant, out=np.full_like(x, np.nan), where=determinant > 0)
    return slope + step


def resampled_precision_at_k(frame: pl.DataFrame, block: Integers, drawn: Floats, *, score: str, viral: str) -> Floats:
    """Return the mean precision of each hour's 20 highest scores in every resample; hours lie inside blocks."""
    blocks = frame.select("event_timestamp", block=block).unique("event_timestamp")
    hours = hourly_precision(frame, score=score, viral=viral).join(blocks, on="event_timestamp", maintain_order="left")
    of_hour = hours["block"].to_numpy()
    hits, count = block_sums(of_hour, hours["precision"].to_numpy(), np.ones(hours.height), size=len(drawn)) @ drawn
    return np.divide(hits, count, out=np.full_like(hits, np.nan), where=count > 0)


def resampled_median(values: Floats, block: Integers, drawn: Floats) -> Floats:
    """Return the median of every resample, each value as often as its block was drawn; NaN without any."""
    order = np.argsort(values, kind="stable")
    values, block = values[order], block[order]
    medians = np.full(drawn.shape[1], np.nan)
    for start in range(0, drawn.shape[1], CHUNK):
        so_far = drawn[block, start : start + CHUNK].cumsum(axis=0)
        if values.size:
            half = so_far[-1] / 2
            lower, upper = (so_far >= half).argmax(axis=0), (so_far > half).argmax(axis=0)
            medians[start : start + CHUNK] = np.where(half > 0, (values[lower] + values[upper]) / 2, np.nan)
    return medians
