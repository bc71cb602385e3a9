"""Whether the intervals of the probabilities hold on later days."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from trenddrop.modeling.bootstrap import draw_multiplicities, interval
from trenddrop.modeling.conformal import EVERYTHING, Walk, around, band_days, no_intervals, walk
from trenddrop.modeling.matrix import Booleans, Floats
from trenddrop.modeling.spec import ModelSpec


@dataclass(frozen=True, slots=True)
class BandCoverage:
    """One band of probabilities: on how many of its days the share that went viral lay within the interval."""

    above: float
    below: float
    rows: int
    days: int
    coverage: float
    width: float  # median over the days


@dataclass(frozen=True, slots=True)
class IntervalMetrics:
    """Figures of one horizon's intervals; a band-day is a day's rows of one band of probabilities.

    ``coverage`` is the share of band-days whose share of positives lay within the interval that was known when the
    day began; ``coverage_interval`` resamples whole days. ``without`` are band-days that had no interval yet.
    """

    level: float
    days: int
    band_days: int
    without: int
    coverage: float | None
    coverage_interval: tuple[float, float] | None
    width: float | None  # mean over band-days
    bands: tuple[BandCoverage, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as plain JSON-ready values."""
        return asdict(self)


def walk_intervals(rows: pl.DataFrame, spec: ModelSpec, *, horizon: int) -> Walk:
    """Go through the days of rows with probabilities that no model had seen, judging each by those before it."""
    return walk(no_intervals(spec.intervals, horizon), band_days(rows, spec.intervals, horizon))


def judge_intervals(walked: Walk, spec: ModelSpec) -> IntervalMetrics:
    """Return the figures of a walk."""
    has_rows, decides = walked.days.rows > 0, walked.radius < EVERYTHING
    judged = has_rows & decides
    covered = np.where(judged, walked.covered, 0.0)
    low, high = around(walked.days.predicted, walked.radius)
    width = np.where(judged, high - low, np.nan)
    total = int(judged.sum())
    bands = [
        BandCoverage(
            above=span[0],
            below=span[1],
            rows=int(walked.days.rows[judged[:, band], band].sum()),
            days=int(judged[:, band].sum()),
            coverage=float(covered[judged[:, band], band].mean()),
            width=float(np.median(width[judged[:, band], band])),
        )
        for band, span in enumerate(spec.intervals.spans())
        if judged[:, band].any()
    ]
    return IntervalMetrics(
        level=spec.intervals.level,
        days=int(judged.any(axis=1).sum()),
        band_days=total,
        without=int(has_rows.sum()) - total,
        coverage=float(covered.sum() / total) if total else None,
        coverage_interval=_resampled(covered, judged, spec, walked.known.horizon),
        width=float(np.nanmean(width)) if total else None,
        bands=tuple(bands),
    )


def _resampled(covered: Floats, judged: Booleans, spec: ModelSpec, horizon: int) -> tuple[float, float] | None:
    used = judged.any(axis=1)
    if used.sum() < 2:
        return None
    rng = np.random.default_rng([spec.seed, horizon])
    drawn = draw_multiplicities(int(used.sum()), resamples=spec.bootstrap.resamples, rng=rng)
    return interval(
        (covered[used].sum(axis=1) @ drawn) / (judged[used].sum(axis=1) @ drawn), level=spec.bootstrap.level
    )
