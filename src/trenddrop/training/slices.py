"""The parts of the test rows that are judged on their own, beside all of them."""

from collections.abc import Sequence

import polars as pl

from trenddrop.core.time import HOUR
from trenddrop.modeling.matrix import label_column

AGE, YOUNG_HOURS = "age_hours", 24
WENT_VIRAL = "went_viral_{}h"  # a column of the rows: whether the hashtag went viral in (t - h, t]


def with_past_outcomes(frame: pl.DataFrame, horizons: Sequence[int]) -> pl.DataFrame:
    """Add ``WENT_VIRAL`` per horizon, which is the label of the same hashtag a horizon earlier; null is unknown.

    It tells rows before an onset from rows within a rise that began earlier. No model reads it.
    """
    for horizon in horizons:
        earlier = frame.select(
            "hashtag_id",
            pl.col("event_timestamp") + horizon * HOUR,
            pl.col(label_column(horizon)).alias(WENT_VIRAL.format(horizon)),
        ).unique(["hashtag_id", "event_timestamp"], keep="first")
        frame = frame.join(earlier, on=["hashtag_id", "event_timestamp"], how="left", maintain_order="left")
    return frame


def is_unseen(train: pl.DataFrame) -> pl.Expr:
    """Return whether no row of the training period is of the row's hashtag, as the column that ``slices`` reads.

    >>> rows = pl.DataFrame({"hashtag_id": ["weibo:a", "weibo:b"]})
    >>> rows.select(is_unseen(rows.head(1))).to_series().to_list()
    [False, True]
    """
    return (~pl.col("hashtag_id").is_in(train["hashtag_id"].unique().implode())).alias("is_unseen")


def slices(rows: pl.DataFrame, horizon: int) -> dict[str, pl.Expr]:
    """Return by name whether a row is of the part; ages that the rows do not have make no part."""
    parts = {
        "onset_only": ~pl.col(WENT_VIRAL.format(horizon)).fill_null(False),
        "unseen_hashtags": pl.col("is_unseen"),
    }
    if AGE in rows.columns:
        parts[f"under_{YOUNG_HOURS}h_old"] = pl.col(AGE).lt(YOUNG_HOURS).fill_null(False)
    return parts
