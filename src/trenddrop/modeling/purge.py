"""Which rows may train a model that is tested from a moment on."""

from datetime import datetime, timedelta

import polars as pl

from trenddrop.core.time import HOUR


def before_purge(
    boundary: datetime, *, horizon: int, embargo: timedelta = timedelta(0), time: str = "event_timestamp"
) -> pl.Expr:
    """Return whether the outcome window (t, t + horizon] ends more than the embargo before the boundary.

    The rows at and after the boundary are the later period. A window that ends exactly on the boundary touches it.

    >>> from datetime import UTC
    >>> hours = [datetime(2025, 5, 31, hour, tzinfo=UTC) for hour in (17, 18)]
    >>> pl.DataFrame({"event_timestamp": hours}).select(
    ...     before_purge(datetime(2025, 6, 1, tzinfo=UTC), horizon=6)).to_series().to_list()
    [True, False]
    """
    return pl.col(time) + horizon * HOUR < boundary - embargo
