"""When a topic peaks and how high: quantiles of the greatest hour within the widest horizon.

``hours_to_peak_<h>h`` is the distance from t to that hour (1 to h), ``peak_views_<h>h`` the views of it. Each quantile
has boosted trees of its own under the quantile loss (Koenker & Bassett, "Regression quantiles", 1978); views are
learned as log(1 + views), which the quantile of a rising function allows. The quantiles of a row are sorted, which
never worsens their loss (Chernozhukov, Fernández-Val & Galichon, "Quantile and probability curves without crossing",
2010). The outer ones are then moved by one margin so that the band held its share of the newest block of the training
period, as told by trees that had not seen it (Romano, Patterson & Candès, "Conformalized quantile regression", 2019).
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Literal, get_args

import lightgbm as lgb
import numpy as np
import polars as pl
from pydantic import Field

from trenddrop.core.settings import Config
from trenddrop.modeling.matrix import Booleans, Floats, decided, design_matrix, label_column
from trenddrop.modeling.purge import before_purge
from trenddrop.modeling.trees import read_trees, trees_text

Target = Literal["hours_to_peak", "peak_views"]
TARGETS: tuple[Target, ...] = get_args(Target)
ENDS = ("_low", "", "_high")  # of the columns of a target's quantiles


class Outcomes(Config):
    """How the quantiles of the peak are learned."""

    quantiles: tuple[float, float, float] = (0.1, 0.5, 0.9)
    maximum_rounds: int = Field(default=200, ge=1)
    early_stopping: int = Field(default=20, ge=1)
    maximum_rows: int = Field(default=100_000, ge=1, description="more are thinned evenly over time")
    min_rows: int = Field(default=500, ge=1, description="fewer training rows teach nothing")


@dataclass(frozen=True, slots=True)
class OutcomeRecipe:
    """What a fit needs beside its rows: LightGBM's parameters, the newest block, the gap before it."""

    config: Outcomes
    params: dict[str, object]
    block_share: float
    embargo: timedelta
    threads: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class OutcomeModel:
    """The quantiles of one target within one horizon; ``margin`` is on the scale that the trees learned."""

    target: Target
    horizon: int
    quantiles: tuple[float, ...]
    boosters: tuple[lgb.Booster, ...]
    margin: float
    rows: int

    def predict(self, matrix: Floats) -> Floats:
        """Return (rows, quantiles), rising along each row, in hours or views."""
        if not len(matrix):
            return np.empty((0, len(self.quantiles)))
        raw = np.column_stack([one.predict(matrix, num_threads=1) for one in self.boosters])
        raw = _widened(np.sort(raw, axis=1), self.margin)
        return np.clip(_unscaled(raw, self.target), *_range(self.target, self.horizon))


def outcome_column(target: Target, horizon: int) -> str:
    """Return the column of a training frame that holds what came of the target within the horizon."""
    return f"{target}_{horizon}h"


def known_outcomes(frame: pl.DataFrame, target: Target, horizon: int) -> pl.DataFrame:
    """Return the rows that tell the target: their label is known, and so is the hour of the peak.

    Where a label is unknown the series ended within the horizon: the greatest hour so far is only a lower bound of the
    peak (it is censored), and to learn from it would teach peaks too early and too low. Hours of which events alone
    are known would be the opposite mistake (``decided``).
    """
    column, label = outcome_column(target, horizon), label_column(horizon)
    if column not in frame.columns or label not in frame.columns:
        return frame.clear()
    return decided(frame, horizon).filter(pl.col(column).is_not_null())


def fit_outcomes(
    frame: pl.DataFrame, recipe: OutcomeRecipe, *, features: Sequence[str], horizon: int
) -> tuple[OutcomeModel, ...]:
    """Fit every target that enough rows of the training period know; the result does not depend on their order."""
    frame = frame.sort("event_timestamp", "hashtag_id")
    fitted = (_fit_target(frame, recipe, features, target, horizon) for target in TARGETS)
    return tuple(one for one in fitted if one is not None)


def outcome_columns(frame: pl.DataFrame, outcomes: Sequence[OutcomeModel], *, features: Sequence[str]) -> pl.DataFrame:
    """Return ``<target>_low``, ``<target>`` and ``<target>_high`` of each target, rows in the frame's order."""
    if not outcomes:
        return pl.DataFrame()
    matrix = design_matrix(frame, features)
    columns: dict[str, Floats] = {}
    for one in outcomes:
        predicted = one.predict(matrix)
        columns |= {f"{one.target}{end}": predicted[:, place] for place, end in enumerate(ENDS)}
    return pl.DataFrame(columns)


def scaled(values: Floats, target: Target) -> Floats:
    """Return the values on the scale on which a target is learned and judged: views by their logarithm."""
    return np.log1p(values) if target == "peak_views" else values


def _unscaled(values: Floats, target: Target) -> Floats:
    return np.expm1(values) if target == "peak_views" else values


def _range(target: Target, horizon: int) -> tuple[float, float]:
    return (0.0, np.inf) if target == "peak_views" else (1.0, float(horizon))


def _fit_target(
    frame: pl.DataFrame, recipe: OutcomeRecipe, features: Sequence[str], target: Target, horizon: int
) -> OutcomeModel | None:
    rows = _thinned(known_outcomes(frame, target, horizon), recipe.config.maximum_rows)
    if rows.height < recipe.config.min_rows:
        return None
    matrix = design_matrix(rows, features)
    outcome = scaled(rows[outcome_column(target, horizon)].cast(pl.Float64).to_numpy(), target)
    early, late = _blocks(rows, recipe, horizon)
    can_judge = min(early.sum(), late.sum()) * 2 >= recipe.config.min_rows
    quantiles = recipe.config.quantiles

    def one(quantile: float) -> tuple[lgb.Booster, Floats]:
        params = _params(recipe, quantile)
        rounds, judged = min(100, recipe.config.maximum_rounds), np.empty(0)
        if can_judge:
            learned = lgb.Dataset(matrix[early], outcome[early], params=params)
            watched = lgb.Dataset(matrix[late], outcome[late], reference=learned, params=params)
            stopper = lgb.early_stopping(recipe.config.early_stopping, verbose=False)
            booster = lgb.train(
                params, learned, recipe.config.maximum_rounds, valid_sets=[watched], callbacks=[stopper]
            )
            rounds = booster.best_iteration or recipe.config.maximum_rounds
            judged = booster.predict(matrix[late], num_iteration=rounds, num_threads=1)
        booster = lgb.train(params, lgb.Dataset(matrix, outcome, feature_name=list(features), params=params), rounds)
        return read_trees(trees_text(booster)), judged

    with ThreadPoolExecutor(max(1, min(recipe.threads, len(quantiles)))) as pool:
        boosters, judged = zip(*pool.map(one, quantiles), strict=True)
    margin = _margin(np.sort(np.column_stack(judged), axis=1), outcome[late], quantiles) if can_judge else 0.0
    return OutcomeModel(target, horizon, quantiles, boosters, margin, rows.height)


def _thinned(rows: pl.DataFrame, most: int) -> pl.DataFrame:
    return rows if rows.height <= most else rows[(np.arange(most) * rows.height) // most]


def _blocks(rows: pl.DataFrame, recipe: OutcomeRecipe, horizon: int) -> tuple[Booleans, Booleans]:
    """Return which rows are before the newest block, outcome and embargo included, and which are in it."""
    start, end = rows["event_timestamp"][0], rows["event_timestamp"][-1]
    boundary = end - (end - start) * recipe.block_share
    early = rows.select(before_purge(boundary, horizon=horizon, embargo=recipe.embargo)).to_series().to_numpy()
    return early, rows.select(pl.col("event_timestamp") >= boundary).to_series().to_numpy()


def _params(recipe: OutcomeRecipe, quantile: float) -> dict[str, object]:
    return {**recipe.params, "objective": "quantile", "metric": "quantile", "alpha": quantile, "num_threads": 1}


def _margin(predicted: Floats, outcome: Floats, quantiles: Sequence[float]) -> float:
    """Return by how much both ends of the band must move for it to hold its share of the block."""
    outside = np.sort(np.maximum(predicted[:, 0] - outcome, outcome - predicted[:, -1]))
    rank = ceil((quantiles[-1] - quantiles[0]) * (outside.size + 1))
    return float(outside[min(rank, outside.size) - 1])


def _widened(quantiles: Floats, margin: float) -> Floats:
    """Move the outer quantiles apart, or together, but not beyond the median."""
    widened = quantiles.copy()
    widened[:, 0] = np.minimum(widened[:, 0] - margin, widened[:, 1])
    widened[:, -1] = np.maximum(widened[:, -1] + margin, widened[:, 1])
    return widened
