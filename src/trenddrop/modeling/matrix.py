"""Feature columns as the matrix that models read: the same offline and online."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trenddrop.core.errors import SchemaError

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
DECIDED_SHARE = 0.5
Integers = NDArray[np.int64]


def design_matrix(frame: pl.DataFrame, features: Sequence[str]) -> Floats:
    """Return a (rows, features) float64 matrix; null and infinite become NaN, true is 1.

    Raises SchemaError when a feature is missing or is neither a number nor a boolean.

    >>> design_matrix(pl.DataFrame({"a": [1, None], "b": [True, False]}), ["b", "a"])
    array([[ 1.,  1.],
           [ 0., nan]])
    """
    require_features(frame, features)
    if not features:
        return np.empty((frame.height, 0))
    values = [pl.col(name).cast(pl.Float64) for name in features]
    finite = [pl.when(value.is_finite()).then(value).otherwise(np.nan) for value in values]
    return frame.select(finite).to_numpy(order="c")


def require_features(frame: pl.DataFrame, features: Sequence[str]) -> None:
    """Raise SchemaError naming every feature that is missing or not numeric."""
    if missing := sorted(set(features) - set(frame.columns)):
        raise SchemaError(f"features: missing columns {missing}; got {frame.columns}")
    usable = {name for name, kind in frame.schema.items() if kind.is_numeric() or kind in (pl.Boolean, pl.Null)}
    if texts := [f"{name} ({frame.schema[name]})" for name in features if name not in usable]:
        raise SchemaError(f"features: {', '.join(texts)}: neither a number nor a boolean; leave them out")


def label_column(horizon: int) -> str:
    """Return the label's column: whether the hashtag goes viral in (t, t + horizon]; null is unknown."""
    return f"is_viral_{horizon}h"


def probability_column(horizon: int) -> str:
    """Return the column of the probability that the hashtag goes viral in (t, t + horizon]."""
    return f"probability_{horizon}h"


def labelled(frame: pl.DataFrame, horizon: int) -> pl.DataFrame:
    """Return the rows whose outcome is known at this horizon."""
    return frame.filter(pl.col(label_column(horizon)).is_not_null())


def decided(frame: pl.DataFrame, horizon: int) -> pl.DataFrame:
    """Return the rows whose outcome is known, of the hours of which that is true for at least half of the rows.

    An event is known when it is seen, its absence only when the whole horizon was: near the end of the data, and
    before gaps in it, the known outcomes of an hour are the positive ones alone, and their share says nothing.
    """
    known = pl.col(label_column(horizon)).is_not_null()
    return frame.filter(known & (known.mean().over("event_timestamp") >= DECIDED_SHARE))


def is_viral(frame: pl.DataFrame, horizon: int) -> Booleans:
    """Return the known outcomes as a boolean array."""
    outcome: Booleans = frame[label_column(horizon)].cast(pl.Boolean).to_numpy().astype(bool)
    return outcome
