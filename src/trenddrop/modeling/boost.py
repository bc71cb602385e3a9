"""LightGBM's trees on a sample: the number of them chosen on later rows, and grown the same bit for bit."""

from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta

import lightgbm as lgb
import numpy as np
import polars as pl

from trenddrop.modeling.matrix import Booleans, Floats
from trenddrop.modeling.spec import ModelSpec
from trenddrop.modeling.trees import read_trees, trees_text

FEW_ROUNDS = 100  # of a training period too short to choose a number of trees on its own later block
MANY_ROWS = 50_000  # with fewer, threads that wait for each other at every node cost more than they save
GREATEST_SHARE = 0.2  # of the period, that a block of so many days may take


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows of a design matrix with their outcomes, and what each counts for; None is one each."""

    matrix: Floats
    viral: Booleans
    weights: Floats | None = None

    def teaches(self, spec: ModelSpec, *, among: Booleans) -> bool:
        """Return whether half of the positives that the recipe asks for are among some rows, and as many negatives."""
        viral = self.viral[among]
        return bool(min(viral.sum(), (~viral).sum()) * 2 >= spec.min_positives)


@dataclass(frozen=True, slots=True)
class Counted:
    """Trees of the early rows, and how many of them do best on the late ones."""

    early: lgb.Booster
    rounds: int


class Learner:
    """Grows trees on a sample, or on a part of it, whose values are sorted into bins once."""

    def __init__(self, sample: Sample, spec: ModelSpec, *, columns: list[str], threads: int) -> None:
        self.sample, self._spec, self._threads = sample, spec, threads
        outcomes, weights, params = sample.viral.astype(float), _scaled(sample.weights), fixed_params(spec, threads)
        self._binned = lgb.Dataset(
            sample.matrix, outcomes, weight=weights, feature_name=columns, params=params
        ).construct()  # parts are taken from the bins, not from the values

    def grow(self, *, rounds: int) -> lgb.Booster:
        """Return this many trees of all rows, as they are read back from their text.

        The text rounds what explanations use: so a model explains the same before it is kept and after.
        """
        return read_trees(trees_text(lgb.train(self._params(self._threads), self._binned, rounds)))

    def grow_counted(self, early: Booleans, late: Booleans) -> tuple[lgb.Booster, Counted]:
        """Return as many trees of all rows as trees of the early ones do best with on the late ones, and the latter.

        Both grow beside each other, with half of the threads each, which wait for each other less. How many are
        wanted is known at the end: those of all rows are cut there, the same as if they had never grown further.
        """
        learned, watched = (self._binned.subset(np.flatnonzero(rows)).construct() for rows in (early, late))
        half = self._params(self._threads // 2)
        with ThreadPoolExecutor(1) as pool:
            counting = pool.submit(self._count, learned, watched, half)
            if self._threads == 1:
                wait([counting])
            booster = lgb.Booster(half, self._binned)
            for grown in range(self._spec.rounds.maximum):
                if counting.done() and grown >= counting.result().rounds:
                    break
                booster.update()
            counted = counting.result()
        return read_trees(trees_text(booster, rounds=counted.rounds)), counted

    def _count(self, learned: lgb.Dataset, watched: lgb.Dataset, params: dict[str, object]) -> Counted:
        rounds = self._spec.rounds
        stopper = lgb.early_stopping(rounds.early_stopping, verbose=False)
        booster = lgb.train(params, learned, rounds.maximum, valid_sets=[watched], callbacks=[stopper])
        return Counted(booster, booster.best_iteration or rounds.maximum)

    def _params(self, threads: int) -> dict[str, object]:
        return fixed_params(self._spec, max(threads, 1) if self.sample.viral.size >= MANY_ROWS else 1)


def calibration_start(event_timestamps: pl.Series, spec: ModelSpec) -> datetime:
    """Return where the newest block of the period begins, on which trees are counted and probabilities calibrated.

    >>> from datetime import UTC
    >>> days = pl.Series([datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 4, 11, tzinfo=UTC)])  # 100 of them
    >>> block = {"block_share": 0.1, "block_days": 14}
    >>> calibration_start(days, ModelSpec(name="some", calibration=block)).day
    28
    """
    start, end = event_timestamps.min(), event_timestamps.max()
    assert isinstance(start, datetime)  # noqa: S101 - the callers have rows
    assert isinstance(end, datetime)  # noqa: S101
    config, period = spec.calibration, end - start
    return end - max(period * config.block_share, min(timedelta(days=config.block_days), period * GREATEST_SHARE))


def fixed_params(spec: ModelSpec, threads: int) -> dict[str, object]:
    """Return LightGBM's parameters of the spec with what makes two fits the same bit for bit."""
    return {
        "verbosity": -1,
        "metric": "binary_logloss",
        **spec.params,
        "objective": "binary",
        "seed": spec.seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": threads,
    }


def _scaled(weights: Floats | None) -> Floats | None:
    """Return weights with a mean of one, so that regularisation means what it means without them."""
    return None if weights is None else np.asarray(weights / weights.mean())
