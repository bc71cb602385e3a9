"""The newest probability of every hashtag, one column per horizon."""

from datetime import datetime

import ibis
import polars as pl

from trenddrop.core.time import HORIZONS_HOURS
from trenddrop.warehouse import Warehouse

PROBABILITIES = tuple(f"probability_{hours}h" for hours in HORIZONS_HOURS)
SCORE_COLUMNS = ("hashtag_id", "platform", "issued_at", "feature_timestamp", *PROBABILITIES, "reasons")


def latest_scores(wh: Warehouse, *, platform: str | None = None, at: datetime | None = None) -> pl.DataFrame:
    """Return one row per hashtag: the last predictions issued for it (by ``at``), backtests left out.

    Columns: hashtag_id, platform, issued_at, feature_timestamp, probability_<h>h per horizon (null where that
    horizon was not predicted), reasons (the JSON of the longest horizon), model_name, model_version. Where several
    models spoke at the same moment, the one recorded last counts.
    """
    rows = wh.table("predictions")
    rows = rows.filter(~rows.is_backtest)
    if platform is not None:
        rows = rows.filter(rows.platform == platform)
    if at is not None:
        rows = rows.filter(rows.issued_at <= ibis.literal(at))
    newest = rows.group_by("hashtag_id").agg(newest=rows.issued_at.max())
    current = rows.join(newest, "hashtag_id").filter(lambda joined: joined.issued_at == joined.newest)
    columns = [
        "hashtag_id", "platform", "issued_at", "feature_timestamp", "prediction_window_hours", "probability",
        "reasons", "model_name", "model_version", "created_timestamp", "prediction_id",
    ]  # fmt: skip
    frame = pl.from_arrow(current.select(columns).to_pyarrow())
    assert isinstance(frame, pl.DataFrame)  # a table never becomes a series
    return widened(frame)


def widened(rows: pl.DataFrame) -> pl.DataFrame:
    """Turn one row per horizon into one row per hashtag, the columns sorted out as ``latest_scores`` says."""
    ordered = rows.sort("hashtag_id", "prediction_window_hours", "created_timestamp", "prediction_id")
    hours, probability = pl.col("prediction_window_hours"), pl.col("probability")
    return ordered.group_by("hashtag_id", maintain_order=True).agg(
        pl.col("platform", "issued_at", "feature_timestamp").last(),
        *(
            probability.filter(hours == int(name.removeprefix("probability_")[:-1])).last().alias(name)
            for name in PROBABILITIES
        ),
        pl.col("reasons", "model_name", "model_version").last(),
    )
