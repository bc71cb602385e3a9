"""Raw scores to probabilities, by a monotone map with few parameters."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import expit, logit  # type: ignore[import-untyped]
from sklearn.isotonic import IsotonicRegression

from trenddrop.modeling.logistic_line import EDGE, logistic_line
from trenddrop.modeling.matrix import Booleans, Floats
from trenddrop.modeling.metrics import expected_calibration_error
from trenddrop.modeling.spec import Calibration
from trenddrop.modeling.venn_abers import venn_abers

TIE_BREAK = 1e-3  # share of the raw score in an isotonic probability: keeps the order within a step
FOLDS = 5  # stretches of time
FIRST_JUDGED = 2  # folds before it only teach
Kind = Literal["platt", "isotonic", "venn_abers", "none"]
SLOPE_SD = 0.1  # of a raw model's slope around 1, before its outcomes are seen


@dataclass(frozen=True, slots=True)
class Calibrator:
    """A monotone map from raw probability to probability.

    ``platt``: expit(slope * logit(raw) + intercept) with ``knots`` = (slope,) and ``values`` = (intercept,).
    ``isotonic`` and ``venn_abers``: linear between the knots (raw) and values (probability). ``none``: the raw one.
    """

    kind: Kind
    knots: tuple[float, ...] = ()
    values: tuple[float, ...] = ()

    def apply(self, raw: Floats) -> Floats:
        """Return probabilities strictly between 0 and 1, in the order of the raw ones."""
        raw = np.clip(raw, EDGE, 1 - EDGE)
        if self.kind == "platt":
            raw = expit(self.knots[0] * logit(raw) + self.values[0])
        elif self.kind in ("isotonic", "venn_abers"):
            raw = (1 - TIE_BREAK) * np.interp(raw, self.knots, self.values) + TIE_BREAK * raw
        calibrated: Floats = np.clip(raw, EDGE, 1 - EDGE)
        return calibrated


@dataclass(frozen=True, slots=True)
class Trial:
    """How one method did on the later days of the calibration block, fitted on the days before them."""

    kind: Kind
    log_loss: float
    ece: float  # equal mass
    slope: float

    def figures(self) -> dict[str, float]:
        """Return the figures by name."""
        return {"log_loss": self.log_loss, "ece": self.ece, "slope": self.slope}


def fit_calibrator(raw: Floats, viral: Booleans, config: Calibration) -> tuple[Calibrator, tuple[Trial, ...]]:
    """Fit on a block that the raw scores' model has not seen; rows in time order. Return also what was compared.

    The block is cut into five stretches of time, and each from the third on is judged by calibrators of those before
    it. ``auto`` takes the method with the least log loss, Platt scaling unless the other is better by more than one
    standard error over the stretches and there are enough positives. Too few outcomes of one kind to tell a slope
    leave the scores as they are.
    """
    if config.method == "none" or min(viral.sum(), (~viral).sum()) < FOLDS:
        return Calibrator("none"), ()
    losses, trials = compare(raw, viral)
    if config.method != "auto":
        return METHODS[config.method](raw, viral), trials
    chosen: Kind = "platt"
    if viral.sum() >= config.min_positives_isotonic and trials:
        best = min(trials, key=lambda one: one.log_loss).kind
        gains = losses["platt"] - losses[best]
        if gains.size > 1 and gains.mean() > gains.std(ddof=1) / np.sqrt(gains.size):
            chosen = best
    return METHODS[chosen](raw, viral), trials


def compare(raw: Floats, viral: Booleans) -> tuple[dict[Kind, Floats], tuple[Trial, ...]]:
    """Return each method's log loss per judged stretch, and its figures over all of them."""
    stretches = np.array_split(np.arange(raw.size), FOLDS)
    judged: dict[Kind, list[Floats]] = {kind: [] for kind in METHODS}
    losses: dict[Kind, list[float]] = {kind: [] for kind in METHODS}
    outcomes: list[Booleans] = []
    for k in range(FIRST_JUDGED, FOLDS):
        before, held = np.concatenate(stretches[:k]), stretches[k]
        if min(viral[before].sum(), (~viral[before]).sum()) == 0:
            continue
        outcomes.append(viral[held])
        for kind, method in METHODS.items():
            calibrated = method(raw[before], viral[before]).apply(raw[held])
            judged[kind].append(calibrated)
            losses[kind].append(_log_loss(calibrated, viral[held]))
    if not outcomes:
        return {kind: np.empty(0) for kind in METHODS}, ()
    known = np.concatenate(outcomes)
    trials = tuple(_trial(kind, np.concatenate(judged[kind]), known) for kind in METHODS)
    return {kind: np.array(values) for kind, values in losses.items()}, trials


def _trial(kind: Kind, probability: Floats, viral: Booleans) -> Trial:
    slope = logistic_line(logit(probability), viral)[0] if np.ptp(probability) > 0 else 0.0
    return Trial(kind, _log_loss(probability, viral), expected_calibration_error(viral, probability), slope)


def _platt(raw: Floats, viral: Booleans) -> Calibrator:
    slope, intercept = logistic_line(logit(np.clip(raw, EDGE, 1 - EDGE)), viral, slope_sd=SLOPE_SD)
    if slope <= 0:  # the block contradicts the model: only its level can be mended, not its order
        return Calibrator("platt", (1.0,), (float(logit(viral.mean()) - logit(np.clip(raw.mean(), EDGE, 1 - EDGE))),))
    return Calibrator("platt", (slope,), (intercept,))


def _isotonic(raw: Floats, viral: Booleans) -> Calibrator:
    """Centred isotonic regression: one knot per step, at the step's mean raw score and smoothed share."""
    raw = np.clip(raw, EDGE, 1 - EDGE)
    steps = IsotonicRegression(out_of_bounds="clip").fit_transform(raw, viral.astype(np.float64))
    _, step = np.unique(steps, return_inverse=True)
    rows = np.bincount(step)
    knots = np.bincount(step, weights=raw) / rows
    shares = (np.bincount(step, weights=viral) + viral.mean()) / (rows + 1.0)
    return Calibrator("isotonic", tuple(knots.tolist()), tuple(np.maximum.accumulate(shares).tolist()))


def _venn_abers(raw: Floats, viral: Booleans) -> Calibrator:
    knots, values = venn_abers(np.clip(raw, EDGE, 1 - EDGE), viral)
    return Calibrator("venn_abers", tuple(knots.tolist()), tuple(values.tolist()))


def _log_loss(p: Floats, viral: Booleans) -> float:
    return float(-np.mean(np.log(np.where(viral, p, 1 - p))))


METHODS: dict[Kind, Callable[[Floats, Booleans], Calibrator]] = {
    "platt": _platt,
    "isotonic": _isotonic,
    "venn_abers": _venn_abers,
}
