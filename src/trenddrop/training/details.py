"""What one average hides: figures by week, of parts of the test rows, of alerts and how early they came."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from trenddrop.modeling import FittedModel
from trenddrop.modeling.bootstrap import (
    day_blocks,
    draw_multiplicities,
    interval,
    ratio,
    resampled_average_precision,
)
from trenddrop.modeling.matrix import Booleans, Floats, labelled
from trenddrop.modeling.metrics import average_precision
from trenddrop.modeling.outcomes import outcome_column
from trenddrop.modeling.spec import ModelSpec
from trenddrop.training.evaluate import CHAMPION, MODEL, Evaluation
from trenddrop.training.events import PEAK, THRESHOLD, AlertMetrics, judge_alerts, lead_times
from trenddrop.training.slices import is_unseen, slices

WEEK, WEEKS_FROM = timedelta(days=7), timedelta(days=21)


@dataclass(frozen=True, slots=True)
class SliceMetrics:
    """Figures of a part of the test rows; None is what they cannot decide, intervals are over resampled days."""

    rows: int
    positives: int
    prevalence: float | None = None
    average_precision: float | None = None
    interval: tuple[float, float] | None = None
    best_baseline: str | None = None
    ratio_to_best_baseline: float | None = None
    ratio_interval: tuple[float, float] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as plain JSON-ready values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Average precision of one week of the test period, or of one day of a short one."""

    start: datetime
    rows: int
    prevalence: float
    average_precision: dict[str, float]  # of the model and of its best baseline


@dataclass(frozen=True, slots=True, eq=False)
class HorizonDetails:
    """The details of one horizon."""

    alerts: AlertMetrics
    slices: dict[str, SliceMetrics]
    stretches: tuple[Stretch, ...]
    lead_times_h: Floats  # to the onset, of each event that an alert announced

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as plain JSON-ready values, the alerts' beside the slices."""
        return {
            **self.alerts.as_dict(),
            "slices": {name: one.as_dict() for name, one in self.slices.items()},
            "stretches": [asdict(one) | {"start": one.start.isoformat()} for one in self.stretches],
        }


def detail(train: pl.DataFrame, test: pl.DataFrame, model: FittedModel, one: Evaluation) -> HorizonDetails:
    """Return the details of the test rows with a known outcome; an alert is a row at the threshold of the recipe."""
    rows = _prepared(labelled(test, one.horizon), model, one.horizon).with_columns(is_unseen(train))
    parts = rows.select(**slices(rows, one.horizon))
    return HorizonDetails(
        alerts=judge_alerts(rows, model.spec, horizon=one.horizon),
        slices={part.name: _slice(rows, one, part.to_numpy(), model.spec) for part in parts},
        stretches=_stretches(rows["event_timestamp"], one),
        lead_times_h=lead_times(rows, horizon=one.horizon),
    )


def _prepared(rows: pl.DataFrame, model: FittedModel, horizon: int) -> pl.DataFrame:
    prior = next(known.prior for known in model.horizons if known.horizon == horizon)
    rows = rows.with_columns(pl.lit(model.spec.alerts.threshold(prior)).alias(THRESHOLD.format(horizon)))
    hours = outcome_column("hours_to_peak", horizon)
    if hours not in rows.columns:
        return rows
    peak = pl.col("event_timestamp") + pl.duration(hours=pl.col(hours))
    return rows.with_columns(peak.alias(PEAK.format(horizon)))


def _slice(rows: pl.DataFrame, one: Evaluation, part: Booleans, spec: ModelSpec) -> SliceMetrics:
    viral = one.viral[part]
    if not viral.any() or viral.all():
        return SliceMetrics(viral.size, int(viral.sum()))
    scores = {name: score[part] for name, score in one.scores.items() if name != CHAMPION}
    reached = {name: average_precision(viral, score) or 0.0 for name, score in scores.items()}
    best = max((name for name in reached if name != MODEL), key=reached.__getitem__, default=None)
    compared = {name: scores[name] for name in (MODEL, best) if name is not None}
    blocks = day_blocks(rows.filter(part)["event_timestamp"], block_days=spec.bootstrap.block_days)
    samples: dict[str, Floats] = {}
    if (count := int(blocks.max()) + 1) > 1:
        rng = np.random.default_rng([spec.seed, one.horizon, len(viral)])
        drawn = draw_multiplicities(count, resamples=spec.bootstrap.resamples, rng=rng)
        samples = resampled_average_precision(viral, compared, blocks, drawn)
    level = spec.bootstrap.level
    return SliceMetrics(
        rows=viral.size,
        positives=int(viral.sum()),
        prevalence=float(viral.mean()),
        average_precision=reached[MODEL],
        interval=interval(samples[MODEL], level=level) if samples else None,
        best_baseline=best,
        ratio_to_best_baseline=reached[MODEL] / reached[best] if best and reached[best] else None,
        ratio_interval=interval(ratio(samples[MODEL], samples[best]), level=level) if best and samples else None,
    )


def _stretches(event_timestamps: pl.Series, one: Evaluation) -> tuple[Stretch, ...]:
    """Return the figures of each week, or of each day where there are less than three weeks."""
    start, end = event_timestamps.min(), event_timestamps.max()
    if not isinstance(start, datetime) or not isinstance(end, datetime):
        return ()
    length = WEEK if end - start >= WEEKS_FROM else timedelta(days=1)
    first = start.replace(hour=0, minute=0, second=0, microsecond=0)
    places = ((event_timestamps - first).dt.total_seconds() // int(length.total_seconds())).to_numpy()
    best = one.metrics.best_baseline
    names: Sequence[str] = (MODEL,) if best is None else (MODEL, best)
    found = []
    for place in np.unique(places):
        inside = places == place
        viral = one.viral[inside]
        if viral.any():
            precision = {name: average_precision(viral, one.scores[name][inside]) or 0.0 for name in names}
            found.append(Stretch(first + int(place) * length, int(inside.sum()), float(viral.mean()), precision))
    return tuple(found)
