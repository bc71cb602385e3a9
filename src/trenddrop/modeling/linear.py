"""Logistic regression on the model's columns: a rival of the trees, and where positives are few their companion."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize  # type: ignore[import-untyped]
from scipy.special import expit, logit  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from trenddrop.modeling.calibrate import SLOPE_SD
from trenddrop.modeling.logistic_line import EDGE
from trenddrop.modeling.matrix import Booleans, Floats, Integers

STEPS = 300
LEAST_WEIGHT = 0.05  # of the straight line, below which the trees go without it


@dataclass(frozen=True, slots=True, eq=False)
class LinearModel:
    """Log odds that are linear in signed logarithms, medians for what is missing, and flags that say so.

    The arrays are over the columns in ``used``, those that held a value in training; ``mean``, ``scale`` and
    ``weights`` go on with one entry for each flag of ``flagged``.
    """

    used: Integers
    median: Floats
    flagged: Booleans
    mean: Floats
    scale: Floats
    weights: Floats
    intercept: float

    def log_odds(self, matrix: Floats) -> Floats:
        """Return the log odds of the rows of a design matrix."""
        odds: Floats = self._terms(matrix).sum(axis=1) + self.intercept
        return odds

    def contributions(self, matrix: Floats) -> Floats:
        """Return (rows, columns): what each column adds to the log odds beside its mean in training."""
        terms, total = self._terms(matrix), np.zeros_like(matrix)
        total[:, self.used] = terms[:, : self.used.size]
        total[:, self.used[self.flagged]] += terms[:, self.used.size :]
        return total

    def _terms(self, matrix: Floats) -> Floats:
        columns = imputed(signed_log(matrix[:, self.used]), self.median, self.flagged)
        terms: Floats = (columns - self.mean) / self.scale * self.weights
        return terms


@dataclass(frozen=True, slots=True, eq=False)
class Companion:
    """A line beside the trees: log odds = ``tree_weight`` x theirs + ``linear_weight`` x its own + ``shift``."""

    model: LinearModel
    tree_weight: float
    linear_weight: float
    shift: float

    def combine(self, raw: Floats, matrix: Floats) -> Floats:
        """Return raw probabilities of trees and line together."""
        odds = self.tree_weight * logit(np.clip(raw, EDGE, 1 - EDGE)) + self.linear_weight * self.model.log_odds(matrix)
        combined: Floats = expit(odds + self.shift)
        return combined


def fit_linear(matrix: Floats, viral: Booleans) -> LinearModel | None:
    """Return the logistic regression of these rows; None where all outcomes are alike."""
    if viral.all() or not viral.any():
        return None
    columns = signed_log(matrix)
    used = np.flatnonzero(~np.isnan(columns).all(axis=0))
    columns = columns[:, used]
    median: Floats = np.nanmedian(columns, axis=0)
    flagged: Booleans = np.asarray(np.isnan(columns).any(axis=0))
    columns = imputed(columns, median, flagged)
    scaler = StandardScaler().fit(columns)
    fitted = LogisticRegression(max_iter=STEPS, tol=1e-3).fit(scaler.transform(columns), viral)
    return LinearModel(used, median, flagged, scaler.mean_, scaler.scale_, fitted.coef_[0], float(fitted.intercept_[0]))


def stack(raw: Floats, model: LinearModel, matrix: Floats, viral: Booleans) -> Companion | None:
    """Return how trees and line add up best on rows that neither has seen; None where the line adds nothing.

    Both weights are at least zero, by maximum likelihood (Wolpert, "Stacked generalization", 1992; Breiman, "Stacked
    regressions", 1996, for the bound). Their sum is normal around 1 beforehand, as a calibrator's slope is.
    """
    odds = np.column_stack([logit(np.clip(raw, EDGE, 1 - EDGE)), model.log_odds(matrix), np.ones(raw.size)])
    sign = np.where(viral, -1.0, 1.0)

    def loss(weights: Floats) -> tuple[float, Floats]:
        against = sign * (odds @ weights)
        excess = (weights[:2].sum() - 1) / SLOPE_SD
        slope = odds.T @ (sign * expit(against)) + np.array([1.0, 1.0, 0.0]) * excess / SLOPE_SD
        return float(np.logaddexp(0, against).sum() + excess**2 / 2) / raw.size, slope / raw.size

    found = minimize(loss, [0.5, 0.5, 0.0], jac=True, method="L-BFGS-B", bounds=[(0, None), (0, None), (None, None)])
    trees, line, shift = (float(weight) for weight in found.x)
    return Companion(model, trees, line, shift) if line >= LEAST_WEIGHT else None


def signed_log(matrix: Floats) -> Floats:
    """Return the logarithm of 1 + the size, with the sign."""
    logarithm: Floats = np.sign(matrix) * np.log1p(np.abs(matrix))
    return logarithm


def imputed(matrix: Floats, median: Floats, flagged: Booleans) -> Floats:
    """Return the matrix with medians for what is missing, and behind it a flag for each column of ``flagged``."""
    missing = np.isnan(matrix)
    return np.hstack([np.where(missing, median, matrix), missing[:, flagged].astype(np.float64)])
