"""How much of a label is its own: rows of one hashtag an hour apart are decided by nearly the same hours.

Average uniqueness (Lopez de Prado, "Advances in Financial Machine Learning", 2018, chapter 4): the mean over the hours
of a row's outcome window of 1 / (rows of the hashtag whose windows hold that hour).
"""

import numpy as np
import polars as pl

from trenddrop.core.time import HOUR
from trenddrop.modeling.matrix import Floats


def average_uniqueness(frame: pl.DataFrame, horizon: int) -> Floats:
    """Return each row's average uniqueness over (t, t + horizon], in (0, 1]; timestamps are on the hour.

    >>> from datetime import datetime, UTC
    >>> hours = [datetime(2025, 6, 1, hour, tzinfo=UTC) for hour in (0, 1, 9)]
    >>> average_uniqueness(pl.DataFrame({"hashtag_id": "a", "event_timestamp": hours}), 2).tolist()
    [0.75, 0.75, 1.0]
    """
    hour = frame["event_timestamp"].dt.epoch("s").to_numpy() // int(HOUR.total_seconds())
    name = frame["hashtag_id"].cast(pl.String).rank("dense").to_numpy()
    order = np.lexsort((hour, name))
    hour, name = hour[order], name[order]
    if not hour.size:
        return np.empty(0)
    step = np.minimum(np.diff(hour), horizon)  # windows further apart than a horizon share nothing
    step = np.where(np.diff(name) > 0, horizon, step)
    first = np.concatenate([[0], np.cumsum(step)])  # of the window's hours, on one line for all hashtags
    covering = np.zeros(first[-1] + horizon + 1)
    np.add.at(covering, first, 1)
    np.add.at(covering, first + horizon, -1)
    shares = 1 / np.maximum(np.cumsum(covering), 1)
    so_far = np.concatenate([[0.0], np.cumsum(shares)])
    weights = np.empty(hour.size)
    weights[order] = (so_far[first + horizon] - so_far[first]) / horizon
    return weights
