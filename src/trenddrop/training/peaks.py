"""How well the time to the peak and its views are predicted, beside simple quantiles on the same rows and days."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from trenddrop.modeling import FittedModel
from trenddrop.modeling.bootstrap import day_blocks, draw_multiplicities, interval
from trenddrop.modeling.matrix import Floats, design_matrix
from trenddrop.modeling.outcomes import OutcomeModel, known_outcomes, outcome_column, scaled
from trenddrop.modeling.spec import ModelSpec

Interval = tuple[float, float] | None
NOW = "views_1h"


@dataclass(frozen=True, slots=True)
class OutcomeMetrics:
    """Figures of one target on test rows; the loss is the mean pinball loss of its quantiles.

    Hours are judged in hours, views by their natural logarithm, so that the loudest topics do not decide alone.
    ``skill`` is 1 - loss / loss of the best baseline; intervals are over paired resamples of whole days.
    """

    target: str
    horizon: int
    rows: int
    days: int
    quantiles: tuple[float, ...]
    loss: float
    loss_interval: Interval
    baselines: dict[str, float]
    best_baseline: str
    skill: float
    skill_interval: Interval
    coverage: float  # of the band between the outer quantiles
    coverage_interval: Interval
    median_error: float  # typical distance of the median: in hours, or as a factor of views
    median_width: float  # of the band: in hours, or as the factor between its ends

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as plain JSON-ready values."""
        return asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class JudgedOutcome:
    """The figures with the arrays that their plot draws, on the scale of the loss."""

    metrics: OutcomeMetrics
    actual: Floats
    predicted: Floats  # (rows, quantiles)


def judge_outcome(
    train: pl.DataFrame, test: pl.DataFrame, one: OutcomeModel, model: FittedModel
) -> JudgedOutcome | None:
    """Judge the quantiles on the test rows that tell the target; None where there is none."""
    rows = known_outcomes(test, one.target, one.horizon)
    taught = known_outcomes(train, one.target, one.horizon)
    if rows.is_empty() or taught.is_empty():
        return None
    actual = _actual(rows, one)
    predicted = scaled(one.predict(design_matrix(rows, model.features)), one.target)
    losses = {name: pinball(actual, guess, one.quantiles) for name, guess in _baselines(taught, rows, one).items()}
    loss, inside = pinball(actual, predicted, one.quantiles), _inside(actual, predicted)
    best = min(losses, key=lambda name: float(losses[name].mean()))
    blocks = day_blocks(rows["event_timestamp"], block_days=model.spec.bootstrap.block_days)
    sums = _resampled(np.column_stack([loss, losses[best], inside, np.ones(rows.height)]), blocks, model.spec, one)
    level = model.spec.bootstrap.level
    is_log = one.target == "peak_views"
    error, width = np.median(np.abs(predicted[:, 1] - actual)), np.median(predicted[:, -1] - predicted[:, 0])
    metrics = OutcomeMetrics(
        target=one.target,
        horizon=one.horizon,
        rows=rows.height,
        days=int(blocks.max()) + 1,
        quantiles=one.quantiles,
        loss=float(loss.mean()),
        loss_interval=None if sums is None else interval(sums[0] / sums[3], level=level),
        baselines={name: float(values.mean()) for name, values in losses.items()},
        best_baseline=best,
        skill=1 - float(loss.mean() / losses[best].mean()),
        skill_interval=None if sums is None else interval(1 - sums[0] / sums[1], level=level),
        coverage=float(inside.mean()),
        coverage_interval=None if sums is None else interval(sums[2] / sums[3], level=level),
        median_error=float(np.exp(error) if is_log else error),
        median_width=float(np.exp(width) if is_log else width),
    )
    return JudgedOutcome(metrics, actual, predicted)


def pinball(actual: Floats, predicted: Floats, quantiles: tuple[float, ...]) -> Floats:
    """Return each row's mean loss over the quantiles: q x (too low), (1 - q) x (too high).

    >>> pinball(np.array([10.0]), np.array([[4.0, 12.0]]), (0.5, 0.9)).tolist()
    [1.6]
    """
    missed = actual[:, None] - predicted
    levels = np.array(quantiles)
    loss: Floats = np.maximum(levels * missed, (levels - 1) * missed).mean(axis=1)
    return loss


def flat_outcomes(outcomes: Mapping[str, OutcomeMetrics]) -> dict[str, float]:
    """Return the figures under flat names, such as ``hours_to_peak_coverage``."""
    flat: dict[str, float] = {}
    for target, one in outcomes.items():
        numbers = {name: value for name, value in one.as_dict().items() if isinstance(value, int | float)}
        flat |= {f"{target}_{name}": float(value) for name, value in numbers.items()}
        flat |= {f"{target}_baseline_{name}": value for name, value in one.baselines.items()}
        for name, bounds in (("skill", one.skill_interval), ("coverage", one.coverage_interval)):
            if bounds is not None:
                flat[f"{target}_{name}_low"], flat[f"{target}_{name}_high"] = bounds
    return flat


def _baselines(taught: pl.DataFrame, rows: pl.DataFrame, one: OutcomeModel) -> dict[str, Floats]:
    """Return quantiles without a model: of the training period, of the hour of the day, of now.

    ``training_period`` are the outcomes' own quantiles, ``hour_of_day`` those of the rows of the same hour,
    ``persistence`` the views of the last hour times the training period's quantiles of what they became.
    """
    outcome, levels = _actual(taught, one), list(one.quantiles)
    constant = np.quantile(outcome, levels)
    hours = pl.col("event_timestamp").dt.hour().cast(pl.Int64)
    by_hour = np.tile(constant, (24, 1))
    of_row = taught.select(hours).to_series().to_numpy()
    for hour in np.unique(of_row):
        by_hour[hour] = np.quantile(outcome[of_row == hour], levels)
    guesses = {
        "training_period": np.tile(constant, (rows.height, 1)),
        "hour_of_day": by_hour[rows.select(hours).to_series().to_numpy()],
    }
    if one.target == "peak_views" and NOW in rows.columns and taught[NOW].null_count() < taught.height:
        then, now = (
            scaled(frame[NOW].cast(pl.Float64).fill_null(np.nan).to_numpy(), one.target) for frame in (taught, rows)
        )
        known = ~np.isnan(then)
        steps = np.quantile(outcome[known] - then[known], levels)
        guesses["persistence"] = np.where(np.isnan(now)[:, None], constant, now[:, None] + steps)
    return guesses


def _actual(rows: pl.DataFrame, one: OutcomeModel) -> Floats:
    return scaled(rows[outcome_column(one.target, one.horizon)].cast(pl.Float64).to_numpy(), one.target)


def _inside(actual: Floats, predicted: Floats) -> Floats:
    """Return 1 where the band holds the outcome; a hair of rounding is no miss."""
    return ((predicted[:, 0] <= actual + 1e-9) & (actual <= predicted[:, -1] + 1e-9)).astype(np.float64)


def _resampled(columns: Floats, blocks: Any, spec: ModelSpec, one: OutcomeModel) -> Floats | None:
    """Return (columns, resamples): the columns' sums over resampled days; None from a single day."""
    count = int(blocks.max()) + 1
    if count < 2:
        return None
    sums = np.column_stack([np.bincount(blocks, weights=column, minlength=count) for column in columns.T])
    rng = np.random.default_rng([spec.seed, one.horizon, len(one.target)])
    resampled: Floats = sums.T @ draw_multiplicities(count, resamples=spec.bootstrap.resamples, rng=rng)
    return resampled
