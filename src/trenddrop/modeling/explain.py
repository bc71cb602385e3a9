"""Why a score is what it is, in words."""

import numpy as np
import polars as pl

from trenddrop.core.errors import NotFoundError
from trenddrop.modeling.fit import FittedModel
from trenddrop.modeling.horizon_model import HorizonModel, mean_contributions

MILLION, THOUSAND = 1_000_000, 10_000


def reasons(model: FittedModel, frame: pl.DataFrame, *, top: int = 5, horizon: int | None = None) -> pl.DataFrame:
    """Return one column ``reasons``: per row a JSON list of its strongest reasons, the strongest first.

    A reason is ``{"feature", "value", "contribution", "short", "text"}``, the last two for reading. The contribution is
    in log odds before calibration: the exact Shapley value of LightGBM's trees (``pred_contrib``; Lundberg et al.,
    "From local explanations to global understanding", 2020). Without ``horizon`` it is the mean over the model's
    horizons. Rows keep the frame's order.
    """
    chosen, matrix = _chosen(model, horizon), model.matrix(frame)
    top = min(top, len(model.columns))
    if top < 1:
        return pl.DataFrame({"reasons": pl.Series(["[]"] * frame.height, dtype=pl.String)})
    contribution = mean_contributions(chosen, matrix, threads=len(chosen))
    order = np.argsort(-np.abs(contribution), axis=1, kind="stable")[:, :top]
    names = pl.Series(model.columns, dtype=pl.String)
    words = pl.Series([model.descriptions.get(name, "") or name for name in model.columns], dtype=pl.String)
    words = words.str.strip_chars().str.strip_chars_end(".")
    is_flag = pl.Series([frame.schema.get(name) == pl.Boolean for name in model.columns], dtype=pl.Boolean)
    slots = []
    for slot in range(top):
        column = order[:, slot, None]
        slots.append(
            pl.DataFrame(
                {
                    "feature": names.gather(column[:, 0]),
                    "value": pl.Series(np.take_along_axis(matrix, column, axis=1)[:, 0], nan_to_null=True),
                    "contribution": np.take_along_axis(contribution, column, axis=1)[:, 0].round(4),
                    "words": words.gather(column[:, 0]),
                    "is_flag": is_flag.gather(column[:, 0]),
                }
            ).select(_reason_json())
        )
    lists = pl.DataFrame({str(i): slot.to_series() for i, slot in enumerate(slots)})
    return lists.select(
        pl.concat_str(pl.lit("["), pl.concat_str(pl.all(), separator=", "), pl.lit("]")).alias("reasons")
    )


def _chosen(model: FittedModel, horizon: int | None) -> list[HorizonModel]:
    chosen = [one for one in model.horizons if horizon in (None, one.horizon)]
    if not chosen:
        known = [one.horizon for one in model.horizons]
        raise NotFoundError(f"model {model.spec.name}: no horizon of {horizon} h; it has {known}")
    return chosen


def _reason_json() -> pl.Expr:
    effect = pl.when(pl.col("contribution") < 0).then(pl.lit("lowers it")).otherwise(pl.lit("raises it"))
    shown = _short_value("value")
    short = pl.format("{} {}", pl.col("feature").str.replace_all("_", " ", literal=True), shown)
    text = pl.format("{}: {} ({})", pl.col("words"), shown, effect)
    return pl.struct("feature", "value", "contribution", short=short, text=text).struct.json_encode()


def _short_value(column: str) -> pl.Expr:
    """Write a value for reading: 12.3M, 45.6k, 7, 0.123, yes; unknown for null."""
    value = pl.col(column)
    size = value.abs()
    return (
        pl.when(value.is_null())
        .then(pl.lit("unknown"))
        .when(pl.col("is_flag"))
        .then(pl.when(value == 0).then(pl.lit("no")).otherwise(pl.lit("yes")))
        .when(size >= MILLION)
        .then(pl.format("{}M", (value / MILLION).round(1)))
        .when(size >= THOUSAND)
        .then(pl.format("{}k", (value / 1000).round(1)))
        .when(value == value.round(0))
        .then(value.cast(pl.Int64, strict=False).cast(pl.String))
        .otherwise(value.round_sig_figs(3).cast(pl.String))
    )
