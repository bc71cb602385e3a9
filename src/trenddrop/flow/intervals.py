"""The intervals of a serving model brought up to the outcomes that are known today."""

from dataclasses import replace

import ibis
import polars as pl

from trenddrop.labels import decided_labels
from trenddrop.modeling import FittedModel
from trenddrop.modeling.conformal import PARTS, AdaptiveIntervals, as_band_days, walk
from trenddrop.modeling.matrix import DECIDED_SHARE
from trenddrop.normalized.hours import hour_of
from trenddrop.registry import ModelVersion
from trenddrop.staging.unions import nullable
from trenddrop.warehouse import Warehouse

KEYS = ("hashtag_id", "viral_definition_name")


def with_newest_outcomes(warehouse: Warehouse, model: FittedModel, version: ModelVersion) -> FittedModel:
    """Return the model with intervals that have learned from every later day whose outcomes are known.

    What the version said, live or in its backtest, is compared with the labels of today.
    """
    return replace(model, intervals=tuple(_newest(warehouse, one, version) for one in model.intervals))


def _newest(warehouse: Warehouse, known: AdaptiveIntervals, version: ModelVersion) -> AdaptiveIntervals:
    days = as_band_days(_counted(warehouse, known, version), known.config)
    return walk(known, days.after(known.known_day)).known


def _counted(warehouse: Warehouse, known: AdaptiveIntervals, version: ModelVersion) -> pl.DataFrame:
    """Return rows, mean probability and share of positives by day and band, counted by the engine as in ``band_days``.

    Several statements of one moment, as a live one beside a backtest's, are one.
    """
    labels, said = warehouse.table("viral_labels"), warehouse.table("predictions")
    labels = labels.filter((labels.prediction_window_hours == known.horizon) & labels.is_viral.notnull())
    outcomes = decided_labels(labels).select(
        *KEYS, issued_at="label_timestamp", viral=lambda t: t.is_viral.ifelse(1, 0)
    )
    said = said.filter(
        (said.model_name == version.name)
        & (said.model_version == version.version)
        & (said.prediction_window_hours == known.horizon)
        & (hour_of(said.issued_at) >= 24 * (-1 if known.known_day is None else known.known_day + 1))
    )
    said = said.group_by(*KEYS, "issued_at").aggregate(probability=said.probability.max())
    rows = said.left_join(nullable(outcomes), [*KEYS, "issued_at"])
    rows = warehouse.stage(rows.select("issued_at", "probability", viral=rows.viral.cast("int64")))
    hours = rows.group_by("issued_at").aggregate(all_rows=rows.count(), known_rows=rows.viral.count())
    hours = hours.filter(hours.known_rows >= hours.all_rows * DECIDED_SHARE)
    rows = rows.filter(rows.viral.notnull()).semi_join(hours, "issued_at")
    band = ibis.literal(0)
    for edge in known.config.bands:
        band += ibis.ifelse(rows.probability >= edge, 1, 0)
    rows = rows.select(
        "viral",
        day=(hour_of(rows.issued_at) // 24).cast("int64"),
        band=band.cast("int64"),
        parts=(rows.probability * PARTS).round().cast("int64"),  # whole numbers: a sum does not depend on its order
    )
    counted = rows.group_by("day", "band").aggregate(
        rows=rows.count().cast("int64"), parts=rows.parts.sum().cast("int64"), viral=rows.viral.sum().cast("int64")
    )
    return counted.to_polars().select(
        "day",
        "band",
        pl.col("rows").cast(pl.Float64),
        predicted=pl.col("parts") / PARTS / pl.col("rows"),
        observed=pl.col("viral") / pl.col("rows"),
    )
