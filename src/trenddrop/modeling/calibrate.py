"""Raw scores to probabilities, by a monotone map with few parameters."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import expit, logit  # type: ignore[import-untyped]
from sklearn.isotonic import IsotonicRegression

from trenddrop.modeling.matrix import Booleans, Floats
from trenddrop.modeling.spec import Calibration

EDGE = 1e-6  # probabilities stay this far from 0 and 1, so that log odds are finite
TIE_BREAK = 1e-3  # share of the raw score in an isotonic probability: keeps the order within a step
FOLDS = 5
MAX_NEWTON_STEPS = 50


@dataclass(frozen=True, slots=True)
class Calibrator:
    """A monotone map from raw probability to probability.

    ``platt``: expit(slope * logit(raw) + intercept) with ``knots`` = (slope,) and ``values`` = (intercept,).
    ``isotonic``: linear between the knots (raw) and values (observed share). ``none``: the raw probability.
    """

    kind: Literal["platt", "isotonic", "none"]
    knots: tuple[float, ...] = ()
    values: tuple[float, ...] = ()

    def apply(self, raw: Floats) -> Floats:
        """Return probabilities strictly between 0 and 1, in the order of the raw ones."""
        raw = np.clip(raw, EDGE, 1 - EDGE)
        if self.kind == "platt":
            raw = expit(self.knots[0] * logit(raw) + self.values[0])
        elif self.kind == "isotonic":
            raw = (1 - TIE_BREAK) * np.interp(raw, self.knots, self.values) + TIE_BREAK * raw
        calibrated: Floats = np.clip(raw, EDGE, 1 - EDGE)
        return calibrated


def fit_calibrator(raw: Floats, viral: Booleans, config: Calibration) -> Calibrator:
    """Fit on a block that the raw scores' model has not seen; rows in time order.

    ``auto`` splits the block into five stretches of time and takes isotonic regression only when there are enough
    positives and its held-out log loss is lower by more than one standard error. Too few outcomes of one kind to
    tell a slope leave the scores as they are.
    """
    if config.method == "none" or min(viral.sum(), (~viral).sum()) < FOLDS:
        return Calibrator("none")
    if config.method == "isotonic":
        return _isotonic(raw, viral)
    if config.method == "auto" and viral.sum() >= config.min_positives_isotonic:
        gains = np.array(_fold_gains(raw, viral))
        if gains.size > 1 and gains.mean() > gains.std(ddof=1) / np.sqrt(gains.size):
            return _isotonic(raw, viral)
    return _platt(raw, viral)


def logistic_line(x: Floats, viral: Booleans) -> tuple[float, float]:
    """Return slope and intercept of the maximum-likelihood logistic regression of the outcome on ``x`` (Newton).

    >>> slope, intercept = logistic_line(np.array([-1., -1., 1., 1., 1., -1.]), np.array([0, 1, 1, 0, 1, 0], bool))
    >>> round(slope, 3), round(intercept, 3)
    (0.693, 0.0)
    """
    share = np.clip(viral.mean(), EDGE, 1 - EDGE)
    weights = np.array([0.0, float(logit(share))])
    columns = np.column_stack([x, np.ones_like(x)])
    for _ in range(MAX_NEWTON_STEPS):
        p = expit(columns @ weights)
        curvature = columns.T @ (columns * (p * (1 - p))[:, None]) + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, columns.T @ (viral - p))
        weights = weights + np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-8:
            break
    return float(weights[0]), float(weights[1])


def _platt(raw: Floats, viral: Booleans) -> Calibrator:
    slope, intercept = logistic_line(logit(np.clip(raw, EDGE, 1 - EDGE)), viral)
    if slope <= 0:  # the block contradicts the model: only its level can be mended, not its order
        return Calibrator("platt", (1.0,), (float(logit(viral.mean()) - logit(np.clip(raw.mean(), EDGE, 1 - EDGE))),))
    return Calibrator("platt", (slope,), (intercept,))


def _isotonic(raw: Floats, viral: Booleans) -> Calibrator:
    """Centred isotonic regression: one knot per step, at the step's mean raw score and smoothed share."""
    raw = np.clip(raw, EDGE, 1 - EDGE)
    steps = IsotonicRegression(out_of_bounds="clip").fit_transform(raw, viral.astype(np.float64))
    _, step = np.unique(steps, return_inverse=True)
    rows = np.bincount(step)
    knots = np.bincount(step, weights=raw) / rows
    shares = (np.bincount(step, weights=viral) + viral.mean()) / (rows + 1.0)
    return Calibrator("isotonic", tuple(knots.tolist()), tuple(np.maximum.accumulate(shares).tolist()))


def _fold_gains(raw: Floats, viral: Booleans) -> list[float]:
    """Return Platt's minus isotonic's log loss on each held-out stretch."""
    gains = []
    for held in np.array_split(np.arange(raw.size), FOLDS):
        rest = np.ones(raw.size, dtype=bool)
        rest[held] = False
        if min(viral[rest].sum(), (~viral[rest]).sum()) > 0:
            platt, isotonic = _platt(raw[rest], viral[rest]), _isotonic(raw[rest], viral[rest])
            gains.append(
                _log_loss(platt.apply(raw[held]), viral[held]) - _log_loss(isotonic.apply(raw[held]), viral[held])
            )
    return gains


def _log_loss(p: Floats, viral: Booleans) -> float:
    return float(-np.mean(np.log(np.where(viral, p, 1 - p))))
