"""What says how likely one horizon is: its trees and its calibration."""

from collections.abc import Iterator
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np

from trenddrop.modeling.calibrate import Calibrator, Trial
from trenddrop.modeling.matrix import Floats


@dataclass(frozen=True, slots=True)
class HorizonModel:
    """The model of one horizon; without a booster it says the training period's share of positives.

    With ``steps`` the trees say the hazard of each step, which they read in a further column: the probability that the
    hashtag goes viral between the horizon before and this one, if it did not before. All horizons share these trees.
    """

    horizon: int
    booster: lgb.Booster | None
    calibrator: Calibrator
    prior: float
    rounds: int
    rows: int
    positives: int
    trials: tuple[Trial, ...] = ()  # what calibration methods were compared
    steps: tuple[int, ...] = ()  # the horizons up to this one

    def raw(self, matrix: Floats) -> Floats:
        """Return uncalibrated probabilities of the rows of a design matrix."""
        if self.booster is None or not len(matrix):
            return matrix[:, :0].sum(axis=1) + self.prior
        if self.steps:
            return survived_not(self._hazards(matrix))
        scores: Floats = self.booster.predict(matrix, num_threads=1)
        return scores

    def contributions(self, matrix: Floats) -> Floats:
        """Return (rows, columns) contributions to the raw log odds, without the base value.

        They are LightGBM's exact Shapley values; with ``steps`` the mean over them, weighted by their hazards, which
        is how the logarithm of a sum of small hazards moves with each.
        """
        if self.booster is None or not len(matrix):
            return np.zeros_like(matrix)
        if not self.steps:
            of_trees: Floats = self.booster.predict(matrix, pred_contrib=True, num_threads=1)[:, :-1]
            return of_trees
        hazards = np.column_stack(list(self._hazards(matrix)))
        weights = hazards / hazards.sum(axis=1, keepdims=True)
        total = np.zeros_like(matrix)
        for i, step in enumerate(self.steps):
            one = self.booster.predict(with_step(matrix, step), pred_contrib=True, num_threads=1)
            total += weights[:, i, None] * one[:, : matrix.shape[1]]
        return total

    def _hazards(self, matrix: Floats) -> Iterator[Floats]:
        assert self.booster is not None  # noqa: S101 - the callers have looked
        for step in self.steps:
            yield self.booster.predict(with_step(matrix, step), num_threads=1)


def with_step(matrix: Floats, step: int) -> Floats:
    """Return the matrix with a last column that names the step by the horizon at its end."""
    return np.hstack([matrix, np.full((len(matrix), 1), float(step))])


def survived_not(hazards: Iterator[Floats]) -> Floats:
    """Return 1 - S with S = (1 - h1)(1 - h2)...: the probability that some step had the event.

    >>> survived_not(iter([np.array([0.5, 0.0]), np.array([0.5, 0.1])])).round(6)
    array([0.75, 0.1 ])
    """
    return -np.expm1(np.sum([np.log1p(-np.minimum(one, 1 - 1e-12)) for one in hazards], axis=0))
