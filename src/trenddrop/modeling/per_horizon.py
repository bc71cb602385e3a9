"""A LightGBM model for each horizon, by itself."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta

import lightgbm as lgb
import polars as pl

from trenddrop.core.errors import InputError
from trenddrop.core.progress import Progress
from trenddrop.modeling.boost import FEW_ROUNDS, Learner, Sample, calibration_start
from trenddrop.modeling.calibrate import Calibrator, Trial, fit_calibrator
from trenddrop.modeling.horizon_model import HorizonModel
from trenddrop.modeling.linear import Companion, fit_linear, stack
from trenddrop.modeling.matrix import Booleans, Floats, design_matrix, is_viral, label_column, labelled
from trenddrop.modeling.purge import before_purge
from trenddrop.modeling.spec import ModelSpec
from trenddrop.modeling.uniqueness import average_uniqueness


@dataclass(frozen=True, slots=True)
class Recipe:
    """What all horizons of one fit share."""

    spec: ModelSpec
    columns: list[str]
    horizons: tuple[int, ...]
    threads: int
    progress: Progress


def fit_per_horizon(frame: pl.DataFrame, recipe: Recipe) -> tuple[HorizonModel, ...]:
    """Fit every horizon; ``frame`` is in time order and has the columns.

    Horizons are fitted beside each other before one horizon gets a second thread: LightGBM's threads wait for each
    other at every node, which on a busy machine is several times slower than one thread.
    """
    horizons, threads = recipe.horizons, recipe.threads
    each = max(1, threads // len(horizons))
    with ThreadPoolExecutor(max(1, min(threads, len(horizons)))) as pool:
        fitting = [pool.submit(_fit_horizon, labelled(frame, horizon), recipe, horizon, each) for horizon in horizons]
        models: list[HorizonModel] = []
        for one in fitting:
            models.append(one.result())
            recipe.progress.advance("train", len(models), len(horizons))
    return tuple(models)


def _fit_horizon(frame: pl.DataFrame, recipe: Recipe, horizon: int, threads: int) -> HorizonModel:
    spec = recipe.spec
    if (constant := constant_model(frame, spec, horizon)) is not None:
        return constant
    sample = Sample(design_matrix(frame, recipe.columns), is_viral(frame, horizon), row_weights(frame, spec, horizon))
    learner = Learner(sample, spec, columns=recipe.columns, threads=threads)
    booster, rounds, calibrated = _grow_and_calibrate(frame, learner, spec, horizon, threads)
    rows, positives = sample.viral.size, int(sample.viral.sum())
    return HorizonModel(
        horizon=horizon,
        booster=booster,
        calibrator=calibrated.calibrator,
        prior=prior(rows, positives),
        rounds=rounds,
        rows=rows,
        positives=positives,
        trials=calibrated.trials,
        companion=refitted(calibrated.companion, sample),
    )


def constant_model(frame: pl.DataFrame, spec: ModelSpec, horizon: int) -> HorizonModel | None:
    """Return the model that says the share of positives where there are too few outcomes of one kind, else None."""
    if frame.is_empty():
        raise InputError(f"training: no row with a known {label_column(horizon)}; add earlier data or drop the horizon")
    rows, positives = frame.height, int(is_viral(frame, horizon).sum())
    if min(positives, rows - positives) >= spec.min_positives:
        return None
    return HorizonModel(horizon, None, Calibrator("none"), prior(rows, positives), 0, rows, positives)


def prior(rows: int, positives: int) -> float:
    """Return the share of positives, never 0 or 1."""
    return (positives + 0.5) / (rows + 1.0)


def row_weights(frame: pl.DataFrame, spec: ModelSpec, horizon: int) -> Floats | None:
    """Return what each row counts for as the recipe says."""
    return average_uniqueness(frame, horizon) if spec.row_weights == "uniqueness" else None


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What the later block decided for one horizon; the default is what a period too short for one has."""

    calibrator: Calibrator = Calibrator("none")
    trials: tuple[Trial, ...] = ()
    companion: Companion | None = None  # as it was fitted on the early rows


def calibrate(raw: Floats, sample: Sample, early: Booleans, late: Booleans, spec: ModelSpec) -> Calibrated:
    """Return the calibration of the late rows' raw scores, by trees that saw the early ones, with a line if wanted."""
    companion, viral = None, sample.viral[late]
    if spec.line is not None and sample.viral[early | late].sum() <= spec.line.most_positives:
        line = fit_linear(sample.matrix[early], sample.viral[early])
        companion = None if line is None else stack(raw, line, sample.matrix[late], viral)
    if companion is not None:
        raw = companion.combine(raw, sample.matrix[late])
    return Calibrated(*fit_calibrator(raw, viral, spec.calibration), companion)


def refitted(companion: Companion | None, sample: Sample) -> Companion | None:
    """Return the companion with its line fitted on all rows, as the trees are."""
    line = None if companion is None else fit_linear(sample.matrix, sample.viral)
    return None if companion is None or line is None else replace(companion, model=line)


def _grow_and_calibrate(
    frame: pl.DataFrame, learner: Learner, spec: ModelSpec, horizon: int, threads: int
) -> tuple[lgb.Booster, int, Calibrated]:
    """Let the later block say the number of trees and the calibration; a period too short for one has neither."""
    boundary = calibration_start(frame["event_timestamp"], spec)
    embargo = timedelta(hours=spec.split.embargo_hours)
    early, late = (
        frame.select(rows).to_series().to_numpy()
        for rows in (before_purge(boundary, horizon=horizon, embargo=embargo), pl.col("event_timestamp") >= boundary)
    )
    sample = learner.sample
    if not all(sample.teaches(spec, among=rows) for rows in (early, late)):
        rounds = min(FEW_ROUNDS, spec.rounds.maximum)
        return learner.grow(rounds=rounds), rounds, Calibrated()
    trees, counted = learner.grow_counted(early, late)
    raw: Floats = counted.early.predict(sample.matrix[late], num_iteration=counted.rounds, num_threads=threads)
    return trees, counted.rounds, calibrate(raw, sample, early, late, spec)
