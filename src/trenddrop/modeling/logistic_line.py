"""How outcomes follow one score: the logistic regression that calibrates probabilities and judges their calibration."""

import numpy as np
from scipy.special import expit, logit  # type: ignore[import-untyped]

from trenddrop.modeling.matrix import Booleans, Floats

EDGE = 1e-6  # probabilities stay this far from 0 and 1, so that log odds are finite
LONGEST_STEP = 5.0
MAX_NEWTON_STEPS = 50


def logistic_line(x: Floats, viral: Booleans, *, slope_sd: float = np.inf) -> tuple[float, float]:
    """Return slope and intercept of the maximum-likelihood logistic regression of the outcome on ``x``.

    With ``slope_sd`` the slope is normal around 1 with that deviation beforehand, which a few outcomes hardly move.

    Newton's method with a step that is shortened until the loss falls: log odds far from 0 throw a full step off.
    Where ``x`` separates the outcomes, the slope is large and finite.

    >>> slope, intercept = logistic_line(np.array([-1., -1., 1., 1., 1., -1.]), np.array([0, 1, 1, 0, 1, 0], bool))
    >>> round(slope, 3), round(intercept, 3)
    (0.693, 0.0)
    """
    share = np.clip(viral.mean(), EDGE, 1 - EDGE)
    weights = np.array([0.0, float(logit(share))])
    columns = np.column_stack([x, np.ones_like(x)])
    precision = np.array([slope_sd**-2, 0.0])

    def loss_at(weights: Floats) -> float:
        return _loss(columns @ weights, viral) + float(precision @ (weights - 1) ** 2) / 2

    loss = loss_at(weights)
    for _ in range(MAX_NEWTON_STEPS):
        p = expit(columns @ weights)
        curvature = columns.T @ (columns * (p * (1 - p))[:, None]) + np.diag(precision + 1e-9)
        step = np.linalg.solve(curvature, columns.T @ (viral - p) - precision * (weights - 1))
        step /= max(1.0, np.abs(step).max() / LONGEST_STEP)
        while np.abs(step).max() >= 1e-8 and (shorter := loss_at(weights + step)) > loss:
            step /= 2
        if np.abs(step).max() < 1e-8:
            break
        weights, loss = weights + step, shorter
    return float(weights[0]), float(weights[1])


def _loss(odds: Floats, viral: Booleans) -> float:
    """Return the summed log loss of log odds."""
    return float(np.logaddexp(0.0, odds).sum() - odds[viral].sum())
