"""How much the labels depend on each number of their definition: one number is moved at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import ibis.expr.types as ir
import polars as pl
from pydantic import ValidationError

from trenddrop.core.errors import NotFoundError
from trenddrop.core.progress import SILENT, Progress
from trenddrop.labels.build import viral_labels
from trenddrop.labels.constants import GrowthConstants, frozen_constants
from trenddrop.labels.definition import LabelDefinition, Onset
from trenddrop.warehouse import Warehouse

BASE = "(base)"
_FACTORS = (0.5, 0.75, 1.5, 2.0)
_FROM_ZERO = (1, 2, 4)
_CONSTANTS = {"video_constant": "video_count", "view_constant": "view_count"}
_LEFT_OUT = ("training_days", "training_until")  # the constants that they fit are moved themselves


@dataclass(frozen=True, slots=True)
class Variant:
    """The definition with one number moved; ``value`` is None for the definition itself."""

    parameter: str
    value: float | None
    definition: LabelDefinition
    constants: GrowthConstants | None = None


def sensitivity(
    wh: Warehouse,
    definition: LabelDefinition,
    *,
    platform: str,
    parameters: Sequence[str] = (),
    progress: Progress | None = None,
) -> pl.DataFrame:
    """Return, per moved number and horizon, what became of the labels; nothing is written.

    Columns: ``parameter``, ``value``, ``is_base``, ``horizon``, ``rows`` (candidates), ``known``, ``positives``,
    ``prevalence`` (of the known), ``events`` (stretches of positive labels of a hashtag, apart by more than the
    horizon) and ``jaccard`` (positives that both share, of the positives of either; 1 where neither has any).
    ``parameters`` restricts which numbers are moved. Raises NotFoundError for one that the kind does not have.
    """
    progress = progress or SILENT
    metrics, videos = wh.table("hashtag_metrics"), wh.table("video_observations")
    constants = None
    if isinstance(definition.parameters, Onset):
        mine = metrics.filter(metrics.platform == platform)
        constants = frozen_constants(wh, mine, definition, platform=platform)
    moved = list(variants(definition, constants, parameters=parameters))
    base: pl.DataFrame | None = None
    found = []
    for done, one in enumerate(moved):
        progress.advance("sensitivity", done, len(moved))
        labels = viral_labels(
            metrics, one.definition, platform=platform, videos=videos, constants=one.constants, stage=wh.stage
        )
        counts, positives = _counts(wh.stage(labels))
        wh.release()
        base = positives if base is None else base
        found.append(_measured(one, counts, positives, base))
    progress.advance("sensitivity", len(moved), len(moved))
    numbers = _numbers(definition, constants)
    again = [  # each number's own row of the definition itself
        found[0].with_columns(parameter=pl.lit(name), value=pl.lit(numbers[name], pl.Float64))
        for name in dict.fromkeys(one.parameter for one in moved[1:])
    ]
    return pl.concat([*found, *again]).sort(pl.col("parameter") != BASE, "parameter", "value", "horizon")


def variants(
    definition: LabelDefinition, constants: GrowthConstants | None = None, *, parameters: Sequence[str] = ()
) -> Iterator[Variant]:
    """Return the definition itself, and then each of its numbers times 0.5, 0.75, 1.5 and 2, as far as that is valid.

    >>> from trenddrop.labels import load_label
    >>> [one.value for one in variants(load_label("top_rank_10"), parameters=["k"])]
    [None, 5, 8, 15, 20]
    """
    numbers = _numbers(definition, constants)
    if unknown := sorted(set(parameters) - set(numbers)):
        raise NotFoundError(
            f"labels {definition.name}: no parameter {unknown[0]!r} to move; known: {', '.join(numbers)}"
        )
    yield Variant(BASE, None, definition, constants)
    for name in parameters or numbers:
        for value in _moved(numbers[name]):
            if constants is not None and name in _CONSTANTS:
                fields: dict[str, float] = {_CONSTANTS[name]: float(value)}
                yield Variant(name, value, definition, replace(constants, **fields))  # type: ignore[arg-type]
            elif changed := _with(definition, name, value):
                yield Variant(name, value, changed, constants)


def _numbers(definition: LabelDefinition, constants: GrowthConstants | None) -> dict[str, float]:
    values = definition.parameters.model_dump()
    if constants is not None:
        values |= {name: constants.of(measure) for name, measure in _CONSTANTS.items()}
    return {
        name: value
        for name, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and name not in _LEFT_OUT
    }


def _moved(value: float) -> list[float]:
    if not value:
        return list(_FROM_ZERO)
    moved = [float(f"{value * factor:.12g}") for factor in _FACTORS]
    if isinstance(value, int):
        moved = [int(one + 0.5) for one in moved]
    return sorted({one for one in moved if one != value})


def _with(definition: LabelDefinition, name: str, value: float) -> LabelDefinition | None:
    """Return the definition with another value, or nothing where that is no definition."""
    document = definition.model_dump()
    document["parameters"] |= {name: value}
    try:
        return LabelDefinition.model_validate(document)
    except ValidationError:
        return None


def _counts(labels: ir.Table) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the numbers of labels per horizon, and the positive ones."""
    counts = labels.group_by(horizon="prediction_window_hours").aggregate(
        rows=labels.count(), known=labels.is_viral.count(), positives=labels.is_viral.cast("int64").sum()
    )
    positives = labels.filter(labels.is_viral)
    positives = positives.select("hashtag_id", "label_timestamp", horizon=positives.prediction_window_hours)
    return counts.to_polars().cast(pl.Int64), positives.to_polars()


def _measured(one: Variant, counts: pl.DataFrame, positives: pl.DataFrame, base: pl.DataFrame) -> pl.DataFrame:
    shared = positives.join(base, on=positives.columns, how="semi").group_by("horizon").agg(shared=pl.len())
    horizons = pl.DataFrame({"horizon": one.definition.horizons}, schema={"horizon": pl.Int64})
    wide = horizons.join(counts, on="horizon", how="left", maintain_order="left")
    for extra in (shared, base.group_by("horizon").agg(base=pl.len()), _events(positives)):
        wide = wide.join(extra.cast(pl.Int64), on="horizon", how="left", maintain_order="left")
    wide = wide.with_columns(pl.exclude("horizon").fill_null(0))
    either = pl.col("positives") + pl.col("base") - pl.col("shared")
    return wide.select(
        pl.lit(one.parameter).alias("parameter"),
        pl.lit(one.value, pl.Float64).alias("value"),
        pl.lit(one.value is None).alias("is_base"),
        "horizon", "rows", "known", "positives",
        prevalence=pl.when(pl.col("known") > 0).then(pl.col("positives") / pl.col("known")),
        events="events",
        jaccard=pl.when(either > 0).then(pl.col("shared") / either).otherwise(1.0),
    )  # fmt: skip


def _events(positives: pl.DataFrame) -> pl.DataFrame:
    in_order = positives.sort("hashtag_id", "horizon", "label_timestamp")
    pause = pl.col("label_timestamp").diff().over("hashtag_id", "horizon")
    is_first = pause.is_null() | (pause > pl.duration(hours="horizon"))
    return in_order.filter(is_first).group_by("horizon").agg(events=pl.len())
