"""What predictions still say of what is to come: those whose window is not over."""

from datetime import timedelta

import polars as pl

from trenddrop.core.time import HORIZONS_HOURS
from trenddrop.matching.scores import PROBABILITIES


def open_scores(scores: pl.DataFrame) -> pl.DataFrame:
    """Return ``latest_scores`` with null in each horizon whose window is over, without the rows that say nothing then.

    A window is open that ends after the newest prediction of its platform was issued: the present of a historical
    data set as of a live one.
    """
    newest = pl.col("issued_at").max().over("platform")
    opened = scores.with_columns(
        pl.when(pl.col("issued_at") > newest - timedelta(hours=hours)).then(pl.col(f"{part}_{hours}h"))
        for hours in HORIZONS_HOURS
        for part in ("probability", "low", "high")
    )
    return opened.filter(pl.any_horizontal(pl.col(PROBABILITIES).is_not_null()))
