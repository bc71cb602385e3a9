"""The parts of the test rows that are judged on their own, beside all of them."""

import polars as pl

AGE, YOUNG_HOURS = "age_hours", 24


def is_unseen(train: pl.DataFrame) -> pl.Expr:
    """Return whether no row of the training period is of the row's hashtag, as the column that ``slices`` reads.

    >>> rows = pl.DataFrame({"hashtag_id": ["weibo:a", "weibo:b"]})
    >>> rows.select(is_unseen(rows.head(1))).to_series().to_list()
    [False, True]
    """
    return (~pl.col("hashtag_id").is_in(train["hashtag_id"].unique().implode())).alias("is_unseen")


def slices(rows: pl.DataFrame) -> dict[str, pl.Expr]:
    """Return by name whether a row is of the part; ages that the rows do not have make no part."""
    parts = {"unseen_hashtags": pl.col("is_unseen")}
    if AGE in rows.columns:
        parts[f"under_{YOUNG_HOURS}h_old"] = pl.col(AGE).lt(YOUNG_HOURS).fill_null(False)
    return parts
