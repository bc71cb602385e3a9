"""One LightGBM model per horizon, calibrated on a later block of its own training period."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

import lightgbm as lgb
import numpy as np
import polars as pl

from trenddrop.core.errors import InputError, SchemaError
from trenddrop.core.progress import SILENT, Progress
from trenddrop.modeling.calibrate import Calibrator, fit_calibrator
from trenddrop.modeling.conformal import AdaptiveIntervals
from trenddrop.modeling.matrix import (
    Booleans,
    Floats,
    design_matrix,
    is_viral,
    label_column,
    labelled,
    require_features,
)
from trenddrop.modeling.outcomes import OutcomeModel
from trenddrop.modeling.purge import before_purge
from trenddrop.modeling.spec import ModelSpec
from trenddrop.modeling.trees import read_trees, trees_text
from trenddrop.modeling.words import COLUMNS, WordCounts, fit_words, past_word_scores

FEW_ROUNDS = 100  # of a training period too short to choose a number of trees on its own later block


@dataclass(frozen=True, slots=True)
class HorizonModel:
    """The model of one horizon; without a booster it says the training period's share of positives."""

    horizon: int
    booster: lgb.Booster | None
    calibrator: Calibrator
    prior: float
    rounds: int
    rows: int
    positives: int

    def raw(self, matrix: Floats) -> Floats:
        """Return uncalibrated probabilities of the rows of a design matrix."""
        if self.booster is None or not len(matrix):
            return matrix[:, :0].sum(axis=1) + self.prior
        scores: Floats = self.booster.predict(matrix, num_threads=1)
        return scores


@dataclass(frozen=True, slots=True)
class FittedModel:
    """Everything that prediction needs; features are in the order of the design matrix, before what names say."""

    spec: ModelSpec
    features: tuple[str, ...]
    descriptions: Mapping[str, str]
    horizons: tuple[HorizonModel, ...]
    trained_until: datetime  # the last event timestamp that was learned from
    words: WordCounts | None = None
    intervals: tuple[AdaptiveIntervals, ...] = ()  # learned from later outcomes: no part of what was fitted
    outcomes: tuple[OutcomeModel, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the names of what the trees read: the features, then what the model makes of a topic's name."""
        return (*self.features, *(COLUMNS if self.words is not None else ()))

    def matrix(self, frame: pl.DataFrame) -> Floats:
        """Return (rows, columns) for the trees; rows without ``hashtag_id`` have names that say nothing."""
        matrix = design_matrix(frame, self.features)
        if self.words is None:
            return matrix
        if "hashtag_id" not in frame.columns:
            return np.hstack([matrix, np.full((frame.height, len(COLUMNS)), np.nan)])
        return np.hstack([matrix, self.words.score(frame["hashtag_id"])])


def fit(
    frame: pl.DataFrame,
    spec: ModelSpec,
    *,
    features: Sequence[str],
    descriptions: Mapping[str, str] | None = None,
    threads: int = 1,
    progress: Progress = SILENT,
) -> FittedModel:
    """Fit every horizon of the spec that the frame has a label column for.

    One row is one hashtag at one event timestamp. Rows whose label is null are unknown and left out of that horizon;
    nothing is resampled. The number of trees and the calibration come from the last ``block_share`` of the period,
    judged by a model fitted on the purged rows before it; then the trees are grown again on the whole period.
    The result depends on the rows and the spec alone: neither on their order nor on the number of threads.
    Horizons are fitted beside each other before one horizon gets a second thread: LightGBM's threads wait for each
    other at every node, which on a busy machine is several times slower than one thread.
    """
    horizons = label_horizons(frame, spec)
    require_features(frame, features)
    frame = frame.sort("event_timestamp", "hashtag_id")
    words, columns = None, list(features)
    if spec.words is not None:
        words, columns = fit_words(frame, spec.words, horizons), [*features, *COLUMNS]
        past = past_word_scores(frame, spec.words, horizons, embargo=timedelta(hours=spec.split.embargo_hours))
        frame = frame.with_columns(pl.Series(name, past[:, i]) for i, name in enumerate(COLUMNS))
    each = max(1, threads // len(horizons))
    progress.advance("train", 0, len(horizons))
    with ThreadPoolExecutor(max(1, min(threads, len(horizons)))) as pool:
        fitting = [
            pool.submit(_fit_horizon, labelled(frame, horizon), spec, columns, horizon, each) for horizon in horizons
        ]
        models = []
        for one in fitting:
            models.append(one.result())
            progress.advance("train", len(models), len(horizons))
    trained_until = max(
        moment for h in horizons if isinstance(moment := labelled(frame, h)["event_timestamp"].max(), datetime)
    )
    told = {**dict(descriptions or {}), **(COLUMNS if words is not None else {})}
    return FittedModel(spec, tuple(features), told, tuple(models), trained_until, words)


def label_horizons(frame: pl.DataFrame, spec: ModelSpec) -> tuple[int, ...]:
    """Return the horizons of the spec that the frame has labels for; raise SchemaError when there is none."""
    if missing := sorted({"hashtag_id", "event_timestamp"} - set(frame.columns)):
        raise SchemaError(f"training frame: missing columns {missing}; got {frame.columns}")
    kind = frame.schema["event_timestamp"]
    if not isinstance(kind, pl.Datetime) or kind.time_zone != "UTC":
        raise SchemaError(f"training frame: event_timestamp is {kind}, expected a datetime in UTC")
    horizons = tuple(horizon for horizon in spec.horizons if label_column(horizon) in frame.columns)
    if not horizons:
        expected = [label_column(horizon) for horizon in spec.horizons]
        raise SchemaError(f"training frame: none of the label columns {expected}; got {frame.columns}")
    return horizons


def _fit_horizon(
    frame: pl.DataFrame, spec: ModelSpec, features: Sequence[str], horizon: int, threads: int
) -> HorizonModel:
    if frame.is_empty():
        raise InputError(f"training: no row with a known {label_column(horizon)}; add earlier data or drop the horizon")
    viral = is_viral(frame, horizon)
    rows, positives = frame.height, int(viral.sum())
    prior = (positives + 0.5) / (rows + 1.0)
    if min(positives, rows - positives) < spec.min_positives:
        return HorizonModel(horizon, None, Calibrator("none"), prior, 0, rows, positives)
    matrix = design_matrix(frame, features)
    rounds, calibrator = _stop_and_calibrate(frame, matrix, viral, _Recipe(spec, horizon, threads))
    params = fixed_params(spec, threads)
    booster = lgb.train(
        params, lgb.Dataset(matrix, viral.astype(float), feature_name=list(features), params=params), rounds
    )
    booster = read_trees(trees_text(booster))  # its text rounds what explanations use: explain as a loaded one would
    return HorizonModel(horizon, booster, calibrator, prior, rounds, rows, positives)


@dataclass(frozen=True, slots=True)
class _Recipe:
    spec: ModelSpec
    horizon: int
    threads: int


def _stop_and_calibrate(
    frame: pl.DataFrame, matrix: Floats, viral: Booleans, recipe: _Recipe
) -> tuple[int, Calibrator]:
    """Choose the number of trees and the calibration on the later block; a period too short for one has neither."""
    spec = recipe.spec
    start, end = frame["event_timestamp"][0], frame["event_timestamp"][-1]
    boundary = end - (end - start) * spec.calibration.block_share
    embargo = timedelta(hours=spec.split.embargo_hours)
    early = frame.select(before_purge(boundary, horizon=recipe.horizon, embargo=embargo)).to_series().to_numpy()
    late = frame.select(pl.col("event_timestamp") >= boundary).to_series().to_numpy()
    if not (_teaches(viral[early], spec) and _teaches(viral[late], spec)):
        return min(FEW_ROUNDS, spec.rounds.maximum), Calibrator("none")
    params = fixed_params(spec, recipe.threads)
    learned = lgb.Dataset(matrix[early], viral[early].astype(float), params=params)
    watched = lgb.Dataset(matrix[late], viral[late].astype(float), reference=learned, params=params)
    stopper = lgb.early_stopping(spec.rounds.early_stopping, verbose=False)
    booster = lgb.train(params, learned, spec.rounds.maximum, valid_sets=[watched], callbacks=[stopper])
    rounds = booster.best_iteration or spec.rounds.maximum
    raw: Floats = booster.predict(matrix[late], num_iteration=rounds, num_threads=recipe.threads)
    return rounds, fit_calibrator(raw, viral[late], spec.calibration)


def _teaches(viral: Booleans, spec: ModelSpec) -> bool:
    return bool(min(viral.sum(), (~viral).sum()) * 2 >= spec.min_positives)


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
