"""Which bars the figures clear, and in words what the data do not allow: computed from the figures, never asserted."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from trenddrop.core.time import HOUR
from trenddrop.modeling.matrix import Floats
from trenddrop.modeling.metrics import average_precision, expected_calibration_error
from trenddrop.modeling.spec import Bars
from trenddrop.training.horizon_metrics import HorizonMetrics

FEW_OUTCOMES = 100  # of the rarer kind
FEW_DAYS = 30
MANY_UNKNOWN = 0.1  # of the test rows
DRIFT = 0.1  # of the share of positives, relative
ALIKE = 0.5  # of the positives; with more copies than that, they count for less
DRAWS, QUANTILE = 100, 0.95
FEW_DRAWS = 20  # are enough for a mean


def bars_cleared(one: HorizonMetrics, bars: Bars) -> dict[str, bool | None]:
    """Return per bar whether it is cleared; None where the rows decide nothing."""
    against = one.ratio_intervals.get(one.best_baseline) if one.best_baseline else None
    low, high = bars.calibration_slope
    ratio, skill, slope, error = one.ratio_to_best_baseline, one.brier_skill, one.calibration_slope, one.ece
    return {
        "baseline_ratio": None if ratio is None else ratio >= bars.baseline_ratio,
        "baseline_ratio_above": None if against is None else against[0] > bars.baseline_ratio_above,
        "brier_skill_above": None if skill is None else skill > bars.brier_skill_above,
        "calibration_slope": None if slope is None else low <= slope <= high,
        "ece": None if error is None else error <= bars.ece,
    }


def limits(one: HorizonMetrics, bars: Bars) -> tuple[str, ...]:
    """Return what the data do not allow, one sentence each; empty where they allow every bar.

    A bar that is missed and of which nothing is said here is missed by the model, not by the data. So is a ratio that
    calibrated probabilities miss: a sharper model could reach it, a better order of these probabilities cannot.
    """
    found = [
        _few(one),
        _copies(one),
        _crowded(one),
        _unknown(one),
        _drift(one),
        _ceiling(one, bars),
        _unsharp(one, bars),
        *_noise(one, bars),
    ]
    return tuple(sentence for sentence in found if sentence)


def effective_number(counts: Floats) -> float:
    """Return the number of equal shares that are as uneven as these: 1 / the sum of the squared shares (Kish, 1965).

    >>> effective_number(np.array([5.0, 5.0, 0.0]))
    2.0
    """
    return float(counts.sum() ** 2 / (counts**2).sum())


@dataclass(frozen=True, slots=True)
class Exact:
    """What the figures would be if the probabilities were exact, over draws of the rows' outcomes by them."""

    ece: float  # 19 of 20 draws stay below
    average_precision: float  # mean; no order of the rows is expected to reach more


def if_exact(rows: pl.DataFrame, probability: Floats, horizon: int, *, rng: np.random.Generator) -> Exact:
    """Return the figures that exact probabilities would show.

    A hashtag's outcomes within one horizon come from the same draw: their windows overlap, so they are one event or
    none. Independent draws would promise too little an error.
    """
    stretch = rows["event_timestamp"].dt.epoch("s") // int(horizon * HOUR.total_seconds())
    run = rows.select(pl.struct("hashtag_id", stretch=stretch).rank("dense")).to_series().to_numpy() - 1
    draws = [rng.random(int(run.max()) + 1)[run] < probability for _ in range(DRAWS)]
    errors = [expected_calibration_error(viral, probability) for viral in draws]
    precisions = [average_precision(viral, probability) or 0.0 for viral in draws[:FEW_DRAWS]]
    return Exact(float(np.quantile(errors, QUANTILE)), float(np.mean(precisions)))


def _few(one: HorizonMetrics) -> str:
    negatives = one.rows - one.positives
    kind, count = ("positive", one.positives) if one.positives <= negatives else ("negative", negatives)
    if not one.rows:
        return "no test row has a known outcome"
    if not count:
        return f"all {one.rows} known outcomes are {'negative' if kind == 'positive' else 'positive'}: nothing to rank"
    if count < FEW_OUTCOMES:
        return f"only {count} of {one.rows} known outcomes are {kind}: every figure rests on them"
    return ""


def _copies(one: HorizonMetrics) -> str:
    if not one.prevalence or one.distinct_positives >= ALIKE * one.positives:
        return ""
    return (
        f"the {one.positives} positives are {one.distinct_positives} different ones: "
        "the others share their hour and their score, as hashtags of one video do"
    )


def _crowded(one: HorizonMetrics) -> str:
    if one.effective_days is None or one.effective_days >= FEW_DAYS or one.positives < FEW_OUTCOMES:
        return ""
    return (
        f"the {one.positives} positives are spread over {one.days} days as unevenly as if all fell on "
        f"{one.effective_days:.1f}: a few topics decide every figure"
    )


def _unknown(one: HorizonMetrics) -> str:
    unknown = one.candidates - one.rows
    if unknown <= MANY_UNKNOWN * one.candidates:
        return ""
    return (
        f"the outcome of {unknown} of {one.candidates} test rows ({unknown / one.candidates:.0%}) is unknown, because "
        "their series has gaps or ends; an event that was seen counts all the same, so "
        f"{one.positives / max(one.rows, 1):.0%} positives among the known say little about the rest"
    )


def _drift(one: HorizonMetrics) -> str:
    before, now = one.calibration_prevalence, one.prevalence
    if before is None or now is None or not before or abs(now / before - 1) <= DRIFT:
        return ""
    return (
        f"the share of positives moved from {before:.4f} in the block that calibrated to {now:.4f} in the test period "
        f"(mean probability {one.mean_probability:.4f})"
    )


def _ceiling(one: HorizonMetrics, bars: Bars) -> str:
    best = one.baselines.get(one.best_baseline) if one.best_baseline else None
    if not best or 1 / best >= bars.baseline_ratio:
        return ""
    return (
        f"a perfect ranking would reach {1 / best:.2f} times the {best:.3f} of {one.best_baseline}: "
        f"a ratio of {bars.baseline_ratio:g} is out of reach"
    )


def _unsharp(one: HorizonMetrics, bars: Bars) -> str:
    """Say where right probabilities miss the ratio: then their order cannot be what is wrong with them."""
    best = one.baselines.get(one.best_baseline) if one.best_baseline else None
    cleared, exact = bars_cleared(one, bars), one.exact_average_precision
    is_right = cleared["calibration_slope"] and cleared["ece"]
    if not best or exact is None or cleared["baseline_ratio"] is not False or not is_right:
        return ""
    asked = bars.baseline_ratio * best
    if exact >= asked or asked > 1:
        return ""
    return (
        f"the probabilities are calibrated, and were they exact, the best order of the rows would be expected to reach "
        f"{exact:.3f} ({one.average_precision:.3f} was found): {bars.baseline_ratio:g} times {one.best_baseline}, "
        f"{asked:.3f}, asks for what the features do not tell this model"
    )


def _noise(one: HorizonMetrics, bars: Bars) -> list[str]:
    """Say where a missed bar lies within what chance does on these rows."""
    cleared, found = bars_cleared(one, bars), []
    interval = one.ratio_intervals.get(one.best_baseline) if one.best_baseline else None
    if interval and cleared["baseline_ratio"] is False and interval[1] >= bars.baseline_ratio:
        found.append(
            f"the interval of the ratio, {interval[0]:.2f} to {interval[1]:.2f}, holds {bars.baseline_ratio:g}: "
            f"{one.positives} positives on {one.days} days do not decide it"
        )
    slope = one.intervals.get("calibration_slope")
    low, high = bars.calibration_slope
    if slope and cleared["calibration_slope"] is False and slope[0] <= high and slope[1] >= low:
        found.append(
            f"the interval of the calibration slope, {slope[0]:.2f} to {slope[1]:.2f}, reaches {low:g} to {high:g}"
        )
    if one.exact_ece is not None and cleared["ece"] is False and one.exact_ece > bars.ece:
        found.append(
            f"on these rows exact probabilities would show a calibration error of up to {one.exact_ece:.4f} by chance"
        )
    return found
