"""What says how likely one horizon is: its trees and its calibration."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np

from trenddrop.modeling.calibrate import Calibrator, Trial
from trenddrop.modeling.linear import Companion
from trenddrop.modeling.matrix import Floats

_Key = tuple[int, int | None]  # trees and the step asked of them


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
    companion: Companion | None = None


def raw_scores(models: Sequence[HorizonModel], matrix: Floats, *, threads: int = 1) -> list[Floats]:
    """Return each model's uncalibrated probabilities of the rows; what models share is computed once."""
    if not len(matrix):
        return [np.empty(0) for _ in models]
    answers = _ask(_questions(models), matrix, threads=threads)

    def raw(one: HorizonModel) -> Floats:
        if one.booster is None:
            return np.full(len(matrix), one.prior)
        if one.steps:
            of_trees = survived_not(answers[_trees(one), step] for step in one.steps)
        else:
            of_trees = answers[_trees(one), None]
        return of_trees if one.companion is None else one.companion.combine(of_trees, matrix)

    return [raw(one) for one in models]


def mean_contributions(models: Sequence[HorizonModel], matrix: Floats, *, threads: int = 1) -> Floats:
    """Return (rows, columns): what each column adds to the raw log odds, the mean over the models.

    They are LightGBM's exact Shapley values; with ``steps`` their mean weighted by the steps' hazards, which is how the
    logarithm of a sum of small hazards moves with each. A model without trees adds nothing. The companion's
    share is that of a linear model, weighted as in the log odds.
    """
    total = np.zeros_like(matrix)
    if not len(matrix):
        return total
    weights = _step_weights(models, matrix)
    parts = _ask(_questions(models), matrix, threads=threads, contributions=True)
    for key, part in parts.items():
        total += weights[key][:, None] * part[:, : matrix.shape[1]]
    for line in (one.companion for one in models):
        if line is not None:
            total += line.linear_weight * line.model.contributions(matrix)
    return total / len(models)


def _step_weights(models: Sequence[HorizonModel], matrix: Floats) -> dict[_Key, Floats]:
    """Return per question the sum over the models of its share in each."""
    weights: dict[_Key, Floats] = defaultdict(lambda: np.zeros(1))
    hazards = _ask(_questions([one for one in models if one.steps]), matrix, threads=1)
    for one in models:
        if one.booster is None:
            continue
        of_trees = 1.0 if one.companion is None else one.companion.tree_weight
        total = np.sum([hazards[_trees(one), step] for step in one.steps], axis=0)
        for step in one.steps:
            weights[_trees(one), step] = weights[_trees(one), step] + of_trees * hazards[_trees(one), step] / total
        if not one.steps:
            weights[_trees(one), None] = np.full(1, of_trees)
    return weights


def _questions(models: Sequence[HorizonModel]) -> dict[_Key, HorizonModel]:
    """Return what has to be asked of trees, each once, with a model that has them."""
    return {(_trees(one), step): one for one in models if one.booster is not None for step in one.steps or (None,)}


def _ask(
    asked: Mapping[_Key, HorizonModel], matrix: Floats, *, threads: int, contributions: bool = False
) -> dict[_Key, Floats]:
    """Return LightGBM's answers, one question beside the other."""

    def answer(key: _Key) -> Floats:
        booster, step = asked[key].booster, key[1]
        assert booster is not None  # noqa: S101 - nobody asks a model without trees
        rows = matrix if step is None else with_step(matrix, step)
        found: Floats = booster.predict(rows, pred_contrib=contributions, num_threads=1)
        return found

    if threads == 1 or len(asked) < 2:  # noqa: PLR2004 - nothing beside the other
        return {key: answer(key) for key in asked}
    with ThreadPoolExecutor(threads) as pool:
        return dict(zip(asked, pool.map(answer, asked), strict=True))


def _trees(one: HorizonModel) -> int:
    """Return a name of the trees: of all horizons with ``steps``, or of this one."""
    return 0 if one.steps else one.horizon


def with_step(matrix: Floats, step: int) -> Floats:
    """Return the matrix with a last column that names the step by the horizon at its end."""
    return np.hstack([matrix, np.full((len(matrix), 1), float(step))])


def survived_not(hazards: Iterable[Floats]) -> Floats:
    """Return 1 - S with S = (1 - h1)(1 - h2)...: the probability that some step had the event.

    >>> survived_not(iter([np.array([0.5, 0.0]), np.array([0.5, 0.1])])).round(6)
    array([0.75, 0.1 ])
    """
    return -np.expm1(np.sum([np.log1p(-np.minimum(one, 1 - 1e-12)) for one in hazards], axis=0))
