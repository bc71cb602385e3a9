"""Why a score is what it is, in words."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from trenddrop.core.errors import NotFoundError
from trenddrop.modeling.fit import FittedModel
from trenddrop.modeling.horizon_model import HorizonModel, mean_contributions
from trenddrop.modeling.phrases import PHRASES, Unit

MILLION, TEN_THOUSAND, HUNDRED = 1_000_000, 10_000, 100
MANY_TIMES = 10  # from here on a change is a multiple: nobody reads +4,100 %


def reasons(model: FittedModel, frame: pl.DataFrame, *, top: int = 5, horizon: int | None = None) -> pl.DataFrame:
    """Return one column ``reasons``: per row a JSON list of its strongest reasons, the strongest first.

    A reason is ``{"feature", "value", "contribution", "short", "text"}``, the last two for reading: the feature's
    phrase, or else its description, with the value in its unit. The contribution is in log odds before calibration:
    the exact Shapley value of LightGBM's trees (``pred_contrib``; Lundberg et al., "From local explanations to global
    understanding", 2020). Without ``horizon`` it is the mean over the model's horizons. Of equal contributions the
    feature that comes first is the stronger one. Rows keep the frame's order.
    """
    chosen, matrix = _chosen(model, horizon), model.matrix(frame)
    top = min(top, len(model.columns))
    if top < 1:
        return pl.DataFrame({"reasons": pl.Series(["[]"] * frame.height, dtype=pl.String)})
    contribution = mean_contributions(chosen, matrix, threads=len(chosen))
    order = np.argsort(-np.abs(contribution), axis=1, kind="stable")[:, :top]
    names = pl.Series(model.columns, dtype=pl.String)
    words = pl.Series([_words(name, model.descriptions) for name in model.columns], dtype=pl.String)
    units = pl.Series([_unit(name, frame) for name in model.columns], dtype=pl.String)
    is_phrase = pl.Series([name in PHRASES for name in model.columns], dtype=pl.Boolean)
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
                    "unit": units.gather(column[:, 0]),
                    "is_phrase": is_phrase.gather(column[:, 0]),
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


def _words(name: str, descriptions: Mapping[str, str]) -> str:
    if name in PHRASES:
        return PHRASES[name].words
    return (descriptions.get(name, "") or name).strip().rstrip(".")


def _unit(name: str, frame: pl.DataFrame) -> Unit:
    if name in PHRASES:
        return PHRASES[name].unit
    return "flag" if frame.schema.get(name) == pl.Boolean else "number"


def _reason_json() -> pl.Expr:
    effect = pl.when(pl.col("contribution") < 0).then(pl.lit("lowers it")).otherwise(pl.lit("raises it"))
    shown = _short_value("value", "unit")
    name = pl.col("feature").str.replace_all("_", " ", literal=True)
    short = pl.format("{} {}", pl.when("is_phrase").then("words").otherwise(name), shown)
    text = pl.format("{}: {} ({})", pl.col("words"), shown, effect)
    return pl.struct("feature", "value", "contribution", short=short, text=text).struct.json_encode()


def _short_value(column: str, unit: str) -> pl.Expr:
    """Write a value in its unit: 12.3M, 45.6k, 0.123, 7 h, 12 %, +35 %, 3.5x, #3, yes; unknown for null."""
    value, kind = pl.col(column), pl.col(unit)
    percent = _rounded(100 * value, digits=2)
    sign = pl.when(value > 0).then(pl.lit("+")).otherwise(pl.lit(""))
    return (
        pl.when(value.is_null())
        .then(pl.lit("unknown"))
        .when(kind == "flag")
        .then(pl.when(value == 0).then(pl.lit("no")).otherwise(pl.lit("yes")))
        .when(kind == "share")
        .then(pl.format("{} %", percent))
        .when((kind == "change") & (value < MANY_TIMES))
        .then(pl.format("{}{} %", sign, percent))
        .when(kind == "change")
        .then(pl.format("{}x", _rounded(value + 1)))
        .when(kind == "times")
        .then(pl.format("{}x", _rounded(value)))
        .when(kind == "hours")
        .then(pl.format("{} h", _rounded(value)))
        .when(kind == "rank")
        .then(pl.format("#{}", _rounded(value)))
        .otherwise(_rounded(value))
    )


def _rounded(value: pl.Expr, *, digits: int = 3) -> pl.Expr:
    """Write a number with no more digits than matter: 12.3M, 45.6k, 1234, 7, 0.123."""
    size = value.abs()
    return (
        pl.when(size >= MILLION)
        .then(pl.format("{}M", (value / MILLION).round(1)))
        .when(size >= TEN_THOUSAND)
        .then(pl.format("{}k", (value / 1000).round(1)))
        .when((value == value.round(0)) | (size >= HUNDRED))
        .then(value.round(0).cast(pl.Int64, strict=False).cast(pl.String))
        .otherwise(value.round_sig_figs(digits).cast(pl.String).str.strip_suffix(".0"))
    )
