"""LightGBM's trees on a sample: the number of them chosen on later rows, and grown the same bit for bit."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import lightgbm as lgb
import numpy as np
import polars as pl

from trenddrop.modeling.matrix import Booleans, Floats
from trenddrop.modeling.spec import ModelSpec
from trenddrop.modeling.trees import read_trees, trees_text

FEW_ROUNDS = 100  # of a training period too short to choose a number of trees on its own later block
GREATEST_SHARE = 0.2  # of the period, that a block of so many days may take


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows of a design matrix with their outcomes, and what each counts for; None is one each."""

    matrix: Floats
    viral: Booleans
    weights: Floats | None = None

    def part(self, rows: Booleans) -> "Sample":
        """Return the rows of a mask."""
        return Sample(self.matrix[rows], self.viral[rows], None if self.weights is None else self.weights[rows])

    def teaches(self, spec: ModelSpec) -> bool:
        """Return whether half of the positives that the recipe asks for are there, and as many negatives."""
        return bool(min(self.viral.sum(), (~self.viral).sum()) * 2 >= spec.min_positives)


def grow(sample: Sample, spec: ModelSpec, *, rounds: int, columns: list[str], threads: int) -> lgb.Booster:
    """Return this many trees of all rows, as they are read back from their text.

    The text rounds what explanations use: so a model explains the same before it is kept and after.
    """
    params = fixed_params(spec, threads)
    learned = lgb.Dataset(
        sample.matrix, sample.viral.astype(float), weight=_scaled(sample.weights), feature_name=columns, params=params
    )
    return read_trees(trees_text(lgb.train(params, learned, rounds)))


def grow_until(early: Sample, late: Sample, spec: ModelSpec, *, threads: int) -> tuple[lgb.Booster, int]:
    """Return trees of the early rows, and how many of them do best on the late ones."""
    params = fixed_params(spec, threads)
    learned = lgb.Dataset(early.matrix, early.viral.astype(float), weight=_scaled(early.weights), params=params)
    watched = lgb.Dataset(late.matrix, late.viral.astype(float), reference=learned, params=params)
    stopper = lgb.early_stopping(spec.rounds.early_stopping, verbose=False)
    booster = lgb.train(params, learned, spec.rounds.maximum, valid_sets=[watched], callbacks=[stopper])
    return booster, booster.best_iteration or spec.rounds.maximum


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
