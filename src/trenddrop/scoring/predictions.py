"""Scores as rows of ``predictions``: what was said, when, by which model, from which features."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

from trenddrop.core.errors import SchemaError
from trenddrop.core.time import Clock, as_utc
from trenddrop.modeling.conformal import high_column, low_column
from trenddrop.modeling.matrix import probability_column
from trenddrop.modeling.outcomes import ENDS, TARGETS
from trenddrop.schemas import TABLES
from trenddrop.warehouse import Warehouse

HASH_KEYS = ("trenddrop-id-lo-", "trenddrop-id-hi-")  # two keyed 64-bit hashes make one id of 128 bits
SEPARATOR = "\x1f"
ID_PARTS = (
    "hashtag_id",
    "issued_at",
    "prediction_window_hours",
    "viral_definition_name",
    "model_name",
    "model_version",
    "is_backtest",
)
OUTCOMES = tuple(f"{target}{end}" for target in TARGETS for end in ENDS)
COLUMNS = tuple(TABLES["predictions"].columns)
STAMP = pl.Datetime("us", "UTC")


@dataclass(frozen=True, slots=True)
class Issue:
    """What all predictions of one batch share.

    Without ``issued_at`` a row was issued at its features' timestamp: a backtest's rows, and a rerun's.
    """

    model_name: str
    model_version: str
    viral_definition_name: str
    feature_service: str
    snapshot_id: str
    is_backtest: bool
    issued_at: datetime | None = None


def prediction_rows(scores: pl.DataFrame, issue: Issue, *, created: datetime) -> pl.DataFrame:
    """Return one row per score and horizon in the columns of ``predictions``.

    ``scores`` has ``hashtag_id``, ``platform``, ``event_timestamp``, ``probability_<h>h`` and, where they were
    computed, ``low_<h>h`` and ``high_<h>h``, the columns of ``OUTCOMES`` (of the widest horizon) and ``reasons``;
    without them the reasons are an empty list and the others null. The id depends on the hashtag, the moment, the
    horizon, the definition and the model version alone, so writing the same scores again replaces them.
    """
    keys = ["hashtag_id", "platform", "event_timestamp"]
    horizons = _horizons(scores)
    if (missing := [name for name in keys if name not in scores.columns]) or not horizons:
        raise SchemaError(f"scores: missing columns {missing or [probability_column(6)]}; got {scores.columns}")
    reasons = pl.col("reasons") if "reasons" in scores.columns else pl.lit("[]")
    moment = pl.col("event_timestamp").cast(STAMP)
    rows = (
        pl.concat(
            scores.select(
                *keys,
                reasons.alias("reasons"),
                pl.col(name).alias("probability"),
                _or_null(scores, low_column(horizon), "probability_low"),
                _or_null(scores, high_column(horizon), "probability_high"),
                *(_or_null(scores, one if horizon == max(horizons.values()) else "", one) for one in OUTCOMES),
                prediction_window_hours=pl.lit(horizon, dtype=pl.Int64),
            )
            for name, horizon in horizons.items()
        )
        .with_columns(
            issued_at=moment if issue.issued_at is None else pl.lit(as_utc(issue.issued_at)).cast(STAMP),
            feature_timestamp=moment,
            viral_definition_name=pl.lit(issue.viral_definition_name),
            model_name=pl.lit(issue.model_name),
            model_version=pl.lit(issue.model_version),
            feature_service=pl.lit(issue.feature_service),
            snapshot_id=pl.lit(issue.snapshot_id),
            is_backtest=pl.lit(issue.is_backtest),
            created_timestamp=pl.lit(as_utc(created)).cast(STAMP),
        )
        .with_columns(matures_at=pl.col("issued_at") + pl.duration(hours="prediction_window_hours"))
    )
    return rows.with_columns(prediction_ids(rows)).select(COLUMNS)


def prediction_ids(rows: pl.DataFrame) -> pl.Series:
    """Return 32 hexadecimal characters per row: a keyed SipHash of the columns that identify a prediction."""
    parts = [
        pl.col(name).dt.epoch("us").cast(pl.String) if name == "issued_at" else pl.col(name).cast(pl.String)
        for name in ID_PARTS
    ]
    texts = rows.select(pl.concat_str(parts, separator=SEPARATOR)).to_series().to_numpy().astype(object)
    halves = [pd.util.hash_array(texts, hash_key=key, categorize=False) for key in HASH_KEYS]
    packed = np.ascontiguousarray(np.column_stack(halves).astype(">u8"))
    binary = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(texts), [None, pa.py_buffer(packed)])
    return pl.Series("prediction_id", pl.from_arrow(binary.cast(pa.binary()))).bin.encode("hex")


def write_predictions(wh: Warehouse, scores: pl.DataFrame, issue: Issue, *, clock: Clock) -> int:
    """Write the scores into ``predictions``, in place of those with the same ids, and return how many rows they are."""
    rows = prediction_rows(scores, issue, created=clock())

    def write() -> int:
        wh.delete("predictions", rows.select("prediction_id"))
        return wh.append("predictions", rows)

    return wh.transact(write, claim="predictions") if rows.height else 0


def _or_null(scores: pl.DataFrame, column: str, name: str) -> pl.Expr:
    known = pl.col(column) if column in scores.columns else pl.lit(None, dtype=pl.Float64)
    return known.alias(name)


def _horizons(scores: pl.DataFrame) -> dict[str, int]:
    """Return the probability columns with their hours."""
    names = [name for name in scores.columns if name.startswith("probability_") and name.endswith("h")]
    return {name: int(name.removeprefix("probability_").removesuffix("h")) for name in names}
