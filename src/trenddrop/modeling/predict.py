"""Features to probabilities: the one function that backtests, jobs and the endpoint call."""

import numpy as np
import polars as pl

from trenddrop.modeling.fit import FittedModel
from trenddrop.modeling.horizon_model import raw_scores
from trenddrop.modeling.matrix import Floats, probability_column

MANY_ROWS = 2_000  # from here on, horizons beside each other repay their threads
CARRIED = ("hashtag_id", "platform", "event_timestamp")


def predict(model: FittedModel, frame: pl.DataFrame) -> pl.DataFrame:
    """Return ``probability_<h>h`` per horizon beside the frame's keys, rows in the frame's order.

    A probability never falls as the horizon grows: each is at least the one of the horizon before.
    """
    probabilities = probability_matrix(model, model.matrix(frame))
    columns = {probability_column(one.horizon): probabilities[:, i] for i, one in enumerate(model.horizons)}
    keys = frame.select(name for name in CARRIED if name in frame.columns)
    return pl.concat([keys, pl.DataFrame(columns)], how="horizontal") if keys.width else pl.DataFrame(columns)


def probability_matrix(model: FittedModel, matrix: Floats) -> Floats:
    """Return calibrated probabilities, (rows, horizons), rising along each row."""
    threads = 1 if len(matrix) < MANY_ROWS else len(model.horizons)
    raw = raw_scores(model.horizons, matrix, threads=threads)
    each = [one.calibrator.apply(scores) for one, scores in zip(model.horizons, raw, strict=True)]
    rising: Floats = np.maximum.accumulate(np.column_stack(each), axis=1)
    return rising
