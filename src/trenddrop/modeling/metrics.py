"""How good probabilities are: ranking, calibration, and what a user of the top 20 meets.

Arrays are one entry per (hashtag, event timestamp); outcomes are known booleans. A figure that the rows cannot
decide (no positive, one class only) is None.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.special import logit  # type: ignore[import-untyped]
from sklearn.metrics import average_precision_score, brier_score_loss

from trenddrop.modeling.logistic_line import EDGE, logistic_line
from trenddrop.modeling.matrix import Booleans, Floats, Integers

BINS = 15


@dataclass(frozen=True, slots=True)
class Reliability:
    """Equal-mass bins of predicted probability: mean prediction, observed share and rows of each."""

    predicted: Floats
    observed: Floats
    rows: Floats


def average_precision(viral: Booleans, score: Floats) -> float | None:
    """Return the mean precision at each positive, ties counted together; its level without skill is the prevalence."""
    return float(average_precision_score(viral, score)) if viral.any() else None


def brier(viral: Booleans, probability: Floats) -> float:
    """Return the mean squared error of the probabilities."""
    return float(brier_score_loss(viral, probability))


def brier_skill(viral: Booleans, probability: Floats) -> float | None:
    """Return 1 - Brier / Brier of the test rows' own prevalence, the best constant in hindsight."""
    share = viral.mean()
    return 1 - brier(viral, probability) / float(share * (1 - share)) if 0 < share < 1 else None


def calibration_slope(viral: Booleans, probability: Floats) -> float | None:
    """Return the slope of a logistic regression of the outcome on the log odds: 1 is right, below 1 too sure.

    Cox, "Two further applications of a model for binary regression", Biometrika 1958.
    """
    odds = logit(np.clip(probability, EDGE, 1 - EDGE))
    if not 0 < viral.mean() < 1 or np.ptp(odds) == 0:
        return None
    return logistic_line(odds, viral)[0]


def reliability(viral: Booleans, probability: Floats, *, bins: int = BINS) -> Reliability:
    """Group rows into bins of about equal mass; equal probabilities always share a bin."""
    bin_of = equal_mass_bins(probability, bins=bins)
    rows = np.bincount(bin_of).astype(np.float64)
    return Reliability(np.bincount(bin_of, weights=probability) / rows, np.bincount(bin_of, weights=viral) / rows, rows)


def equal_mass_bins(probability: Floats, *, bins: int = BINS) -> Integers:
    """Return each row's bin, 0, 1, ... from the lowest probability; equal probabilities share one."""
    edges = np.quantile(probability, np.linspace(0, 1, bins + 1)[1:-1], method="higher")
    _, bin_of = np.unique(np.searchsorted(edges, probability, side="right"), return_inverse=True)
    return bin_of.astype(np.int64)


def expected_calibration_error(viral: Booleans, probability: Floats, *, bins: int = BINS) -> float:
    """Return the mean distance of predicted and observed share over equal-mass bins, weighted by rows.

    >>> expected_calibration_error(np.array([True, False]), np.array([0.75, 0.75]))
    0.25
    """
    curve = reliability(viral, probability, bins=bins)
    return float(np.average(np.abs(curve.predicted - curve.observed), weights=curve.rows))


def precision_at_k(frame: pl.DataFrame, *, score: str, viral: str, k: int = 20) -> tuple[float, float]:
    """Return the mean precision of each hour's k highest scores, and what an oracle's choice would reach.

    One row of ``frame`` is a hashtag at an ``event_timestamp``; hours with fewer than k rows count all of theirs.
    Ties are broken by ``hashtag_id``, as a list shown to a user would be.

    >>> hours = pl.DataFrame({"event_timestamp": [0, 0, 0], "hashtag_id": ["a", "b", "c"],
    ...                       "p": [.9, .8, .1], "viral": [True, False, False]})
    >>> precision_at_k(hours, score="p", viral="viral", k=2)
    (0.5, 0.5)
    """
    hours = hourly_precision(frame, score=score, viral=viral, k=k)
    precision, oracle = hours["precision"].mean(), hours["oracle"].mean()
    return float(precision or 0.0), float(oracle or 0.0)  # type: ignore[arg-type]


def hourly_precision(frame: pl.DataFrame, *, score: str, viral: str, k: int = 20) -> pl.DataFrame:
    """Return each hour's ``precision`` among its k highest scores and the ``oracle``'s, in time order."""
    ordered = frame.sort("event_timestamp", score, "hashtag_id", descending=[False, True, False], nulls_last=True)
    shown = pl.len().clip(upper_bound=k)
    return ordered.group_by("event_timestamp", maintain_order=True).agg(
        precision=pl.col(viral).head(k).sum() / shown, oracle=pl.col(viral).sum().clip(upper_bound=k) / shown
    )
