"""The newest probability of every hashtag, one column per horizon."""

from datetime import datetime

import ibis
import polars as pl

from trenddrop.core.time import HORIZONS_HOURS
from trenddrop.modeling.outcomes import ENDS, TARGETS
from trenddrop.warehouse import Warehouse

PROBABILITIES = tuple(f"probability_{hours}h" for hours in HORIZONS_HOURS)
ENDS_OF_INTERVALS = tuple(f"{end}_{hours}h" for hours in HORIZONS_HOURS for end in ("low", "high"))
PEAKS = tuple(f"{target}{end}" for target in TARGETS for end in ENDS)
SPEAKER = ("model_name", "model_version", "viral_definition_name")  # who says a probability, and of what


def latest_scores(wh: Warehouse, *, platform: str | None = None, at: datetime | None = None) -> pl.DataFrame:
    """Return one row per hashtag: the last predictions issued for it (by ``at``), backtests left out.

    Columns: hashtag_id, platform, issued_at, feature_timestamp, probability_<h>h per horizon (null where that
    horizon was not predicted), low_<h>h and high_<h>h (the ends of its interval), the quantiles ``PEAKS`` of the peak,
    reasons (the JSON of the longest horizon), model_name, model_version, viral_definition_name. Where several models or
    label definitions spoke at the same moment, all columns come from the one recorded last: a mixture of two may fall
    with the horizon.
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
        "reasons", *SPEAKER, "created_timestamp", "prediction_id",
        "probability_low", "probability_high", *PEAKS,
    ]  # fmt: skip
    frame = pl.from_arrow(current.select(columns).to_pyarrow())
    assert isinstance(frame, pl.DataFrame)  # a table never becomes a series
    return widened(frame)


def widened(rows: pl.DataFrame) -> pl.DataFrame:
    """Turn one row per horizon into one row per hashtag, the columns sorted out as ``latest_scores`` says."""
    recorded = rows.sort("hashtag_id", "created_timestamp", "prediction_id")
    spoke_last = pl.all_horizontal(pl.col(name) == pl.col(name).last().over("hashtag_id") for name in SPEAKER)
    ordered = recorded.filter(spoke_last).sort("hashtag_id", "prediction_window_hours", maintain_order=True)
    of_horizon = {"probability": "probability_{}h", "probability_low": "low_{}h", "probability_high": "high_{}h"}
    return ordered.group_by("hashtag_id", maintain_order=True).agg(
        pl.col("platform", "issued_at", "feature_timestamp").last(),
        *(
            pl.col(column).filter(pl.col("prediction_window_hours") == hours).last().alias(name.format(hours))
            for column, name in of_horizon.items()
            for hours in HORIZONS_HOURS
        ),
        pl.col(PEAKS).last(),
        pl.col("reasons", *SPEAKER).last(),
    )
