"""One LightGBM model for all horizons: the hazard of each step between them.

A row becomes a row per step that it entered without having gone viral (person-period data; Singer and Willett, "It's
about time", 1993): the outcome is whether the hashtag went viral within the step, and the step is a further column.
The probability within a horizon is 1 - S with S = (1 - h1)(1 - h2)... over its steps, so it never falls as the
horizon grows.
"""

from datetime import timedelta
from itertools import pairwise

import numpy as np
import polars as pl

from trenddrop.modeling.boost import FEW_ROUNDS, Learner, Sample, calibration_start
from trenddrop.modeling.horizon_model import HorizonModel, survived_not, with_step
from trenddrop.modeling.matrix import Booleans, Floats, design_matrix, is_viral, label_column, labelled
from trenddrop.modeling.per_horizon import Calibrated, Recipe, calibrate, constant_model, prior, refitted, row_weights
from trenddrop.modeling.purge import before_purge

STEP = "step_h"


def fit_hazard(frame: pl.DataFrame, recipe: Recipe) -> tuple[HorizonModel, ...]:
    """Fit all horizons at once; ``frame`` is in time order and has the columns.

    Horizons with too few outcomes of one kind say their share of positives, as with a model per horizon.
    """
    spec, horizons = recipe.spec, recipe.horizons
    constants = {horizon: constant_model(labelled(frame, horizon), spec, horizon) for horizon in horizons}
    if None not in constants.values():
        return tuple(one for one in constants.values() if one is not None)
    matrix = design_matrix(frame, recipe.columns)
    boundary, embargo = calibration_start(frame["event_timestamp"], spec), timedelta(hours=spec.split.embargo_hours)
    late = frame.select(pl.col("event_timestamp") >= boundary).to_series().to_numpy()
    early = [frame.select(before_purge(boundary, horizon=h, embargo=embargo)).to_series().to_numpy() for h in horizons]
    periods, entered = person_periods(frame, matrix, recipe)
    is_early = np.concatenate([rows[known] for rows, known in zip(early, entered, strict=True)])
    is_late = np.concatenate([late[known] for known in entered])
    learner = Learner(periods, spec, columns=[*recipe.columns, STEP], threads=recipe.threads)
    calibrated = dict.fromkeys(horizons, Calibrated())
    if all(periods.teaches(spec, among=rows) for rows in (is_early, is_late)):
        trees, counted = learner.grow_counted(is_early, is_late)
        rounds = counted.rounds
        hazards = [
            counted.early.predict(with_step(matrix[late], step), num_iteration=rounds, num_threads=recipe.threads)
            for step in horizons
        ]
        for i, horizon in enumerate(horizons):
            outcome = frame[label_column(horizon)]
            known, viral = outcome.is_not_null().to_numpy(), outcome.fill_null(False).to_numpy().astype(bool)
            sample, taught, judged = Sample(matrix, viral), early[i] & known, late & known
            if all(sample.teaches(spec, among=rows) for rows in (taught, judged)):
                raw = survived_not(hazards[: i + 1])[known[late]]
                calibrated[horizon] = calibrate(raw, sample, taught, judged, spec)
    else:
        rounds = min(FEW_ROUNDS, spec.rounds.maximum)
        trees = learner.grow(rounds=rounds)
    recipe.progress.advance("train", len(horizons), len(horizons))
    models = []
    for i, horizon in enumerate(horizons):
        sample = _sample(frame, matrix, frame[label_column(horizon)].is_not_null().to_numpy(), horizon)
        rows, positives = sample.viral.size, int(sample.viral.sum())
        shared = HorizonModel(
            horizon=horizon,
            booster=trees,
            calibrator=calibrated[horizon].calibrator,
            prior=prior(rows, positives),
            rounds=rounds,
            rows=rows,
            positives=positives,
            trials=calibrated[horizon].trials,
            steps=horizons[: i + 1],
            companion=refitted(calibrated[horizon].companion, sample),
        )
        models.append(constants[horizon] or shared)
    return tuple(models)


def _sample(frame: pl.DataFrame, matrix: Floats, rows: Booleans, horizon: int) -> Sample:
    return Sample(matrix[rows], is_viral(frame.filter(rows), horizon))


def person_periods(frame: pl.DataFrame, matrix: Floats, recipe: Recipe) -> tuple[Sample, list[Booleans]]:
    """Return a row per step that was entered and whose end is known, step after step, and each step's rows."""
    parts: list[tuple[Floats, Booleans, Floats | None]] = []
    rows_of: list[Booleans] = []
    entered = np.ones(frame.height, dtype=bool)
    for start, horizon in pairwise((0, *recipe.horizons)):
        outcome = frame[label_column(horizon)]
        known = entered & outcome.is_not_null().to_numpy()
        viral = outcome.fill_null(False).to_numpy().astype(bool)
        weights = row_weights(frame.filter(known), recipe.spec, horizon - start)  # the hours that the step is about
        parts.append((with_step(matrix[known], horizon), viral[known], weights))
        rows_of.append(known)
        entered = entered & outcome.eq(False).fill_null(False).to_numpy()
    matrices, virals, weights_of = zip(*parts, strict=True)
    several = [one for one in weights_of if one is not None]
    return Sample(np.vstack(matrices), np.concatenate(virals), np.concatenate(several) if several else None), rows_of
