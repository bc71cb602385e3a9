"""Which rows may train a model that is tested from a moment on."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from trenddrop.core.time import HOUR
from trenddrop.modeling.matrix import Booleans, label_column


def before_purge(boundary: datetime, *, horizon: int, embargo: timedelta = timedelta(0)) -> pl.Expr:
    """Return whether the outcome window (t, t + horizon] ends more than the embargo before the boundary.

    The rows at and after the boundary are the later period. A window that ends exactly on the boundary touches it.

    >>> from datetime import UTC
    >>> hours = [datetime(2025, 5, 31, hour, tzinfo=UTC) for hour in (17, 18)]
    >>> pl.DataFrame({"event_timestamp": hours}).select(
    ...     before_purge(datetime(2025, 6, 1, tzinfo=UTC), horizon=6)).to_series().to_list()
    [True, False]
    """
    return pl.col("event_timestamp") + horizon * HOUR < boundary - embargo


def without_open_windows(frame: pl.DataFrame, horizons: Sequence[int]) -> pl.DataFrame:
    """Return the frame without outcomes of windows (t, t + horizon] that reach beyond its newest row.

    Of those only the positive ones are known, because an event is known when it is seen and its absence only at the
    end: a share of positives among them would be one of nearly all.
    """
    newest = pl.col("event_timestamp").max()
    labels = {label_column(horizon): horizon * HOUR for horizon in horizons}
    is_over = {label: pl.col("event_timestamp") + length <= newest for label, length in labels.items()}
    return frame.with_columns(pl.when(over).then(pl.col(label)).alias(label) for label, over in is_over.items())


def past_blocks(
    frame: pl.DataFrame, *, blocks: int, horizon: int, embargo: timedelta
) -> Iterator[tuple[Booleans, Booleans]]:
    """Cut the period into blocks of equal length, and yield the rows of each with the rows that it may learn from.

    Those are the rows whose outcome was over, with the embargo, before the block began, as if the model were trained
    again at the start of each block. Blocks without rows or without a past are left out, and so is the first.
    """
    at = frame["event_timestamp"].dt.epoch("s").to_numpy()
    edges = np.linspace(at.min(), at.max() + 1, blocks + 1)
    known_s = horizon * 3600 + embargo.total_seconds()
    for start, end in zip(edges[1:-1], edges[2:], strict=True):
        inside, past = (at >= start) & (at < end), at + known_s < start
        if inside.any() and past.any():
            yield inside, past
