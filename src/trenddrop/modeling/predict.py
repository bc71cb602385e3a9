"""Features to probabilities: the one function that backtests, jobs and the endpoint call."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl

from trenddrop.modeling.fit import FittedModel
from trenddrop.modeling.matrix import Floats, design_matrix, probability_column

CARRIED = ("hashtag_id", "platform", "event_timestamp")


def predict(model: FittedModel, frame: pl.DataFrame) -> pl.DataFrame:
    """Return ``probability_<h>h`` per horizon beside the frame's keys, rows in the frame's order.

    A probability never falls as the horizon grows: each is at least the one of the horizon before.
    """
    probabilities = probability_matrix(model, design_matrix(frame, model.features))
    columns = {probability_column(one.horizon): probabilities[:, i] for i, one in enumerate(model.horizons)}
    keys = frame.select(name for name in CARRIED if name in frame.columns)
    return pl.concat([keys, pl.DataFrame(columns)], how="horizontal") if keys.width else pl.DataFrame(columns)


def probability_matrix(model: FittedModel, matrix: Floats) -> Floats:
    """Return calibrated probabilities, (rows, horizons), rising along each row."""
    with ThreadPoolExecutor(len(model.horizons)) as pool:
        each = list(pool.map(lambda one: one.calibrator.apply(one.raw(matrix)), model.horizons))
    rising: Floats = np.maximum.accumulate(np.column_stack(each), axis=1)
    return rising
