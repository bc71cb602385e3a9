"""The figures of one horizon, as reports, model cards, MLflow and the promotion rule read them."""

from dataclasses import asdict, dataclass, field
from typing import Any

Interval = tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class HorizonMetrics:
    """Figures of one horizon on test rows with a known outcome; None is what the rows cannot decide.

    Intervals are of average precision, or of ratios model / rival of it, over paired resamples of whole days.
    """

    rows: int
    positives: int
    days: int = 0
    prevalence: float | None = None
    average_precision: float | None = None
    interval: Interval = None
    baselines: dict[str, float] = field(default_factory=dict)
    baseline_intervals: dict[str, Interval] = field(default_factory=dict)
    best_baseline: str | None = None
    ratio_to_best_baseline: float | None = None
    ratio_intervals: dict[str, Interval] = field(default_factory=dict)
    champion_average_precision: float | None = None
    brier: float | None = None
    brier_skill: float | None = None
    calibration_slope: float | None = None
    ece: float | None = None
    precision_at_20: float | None = None
    oracle_precision_at_20: float | None = None
    intervals: dict[str, Interval] = field(default_factory=dict)  # of the figures but average precision
    candidates: int = 0  # rows, those with an unknown outcome included
    calibration_prevalence: float | None = None  # share of positives in the block that the model was calibrated on
    mean_probability: float | None = None
    distinct_positives: int = 0  # positives of one hour with the same probability count once
    effective_days: float | None = None  # of equally many positives that would be as uneven: see ``effective_number``
    exact_ece: float | None = None  # what exact probabilities would show on these rows, in 19 of 20 cases at most
    exact_average_precision: float | None = None  # the same, on average
    bars: dict[str, bool | None] = field(default_factory=dict)  # whether the recipe's bars are cleared
    limits: tuple[str, ...] = ()  # what the data do not allow, in words

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as plain JSON-ready values."""
        return asdict(self)
