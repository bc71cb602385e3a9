"""How a fitted model does on test rows, beside its rivals on the same rows and the same resampled days."""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import polars as pl

from trenddrop.modeling import metrics
from trenddrop.modeling.baselines import baseline_scores
from trenddrop.modeling.bootstrap import (
    Integers,
    day_blocks,
    draw_multiplicities,
    interval,
    ratio,
    resampled_average_precision,
)
from trenddrop.modeling.matrix import Booleans, Floats, is_viral, label_column, labelled, probability_column
from trenddrop.modeling.spec import ModelSpec

MODEL, CHAMPION = "model", "champion"
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

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as plain JSON-ready values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One horizon's figures with the arrays that its plots draw; one entry per test row with a known outcome."""

    horizon: int
    metrics: HorizonMetrics
    viral: Booleans
    scores: dict[str, Floats]  # of the model, of each baseline, of the champion


def evaluate(
    train: pl.DataFrame, test: pl.DataFrame, spec: ModelSpec, *, features: tuple[str, ...], horizon: int
) -> Evaluation:
    """Judge the probabilities in ``test``: columns of ``predict``, and ``champion_probability_<h>h`` if there is one.

    ``train`` holds the rows that the model was fitted on: the fitted baselines learn from the same ones. Outcomes that
    are all alike decide nothing: only rows and positives are given.
    """
    rows, taught = labelled(test, horizon), labelled(train, horizon)
    viral = is_viral(rows, horizon)
    probability = probability_column(horizon)
    scores: dict[str, Floats] = {MODEL: rows[probability].to_numpy()}
    if viral.all() or not viral.any():
        return Evaluation(horizon, HorizonMetrics(rows.height, int(viral.sum())), viral, scores)
    scores |= baseline_scores(taught, rows, spec.baselines, features=features, horizon=horizon)
    if f"{CHAMPION}_{probability}" in rows.columns:
        scores[CHAMPION] = rows[f"{CHAMPION}_{probability}"].to_numpy()
    return Evaluation(horizon, figures(rows, viral, scores, spec, horizon), viral, scores)


def figures(
    rows: pl.DataFrame, viral: Booleans, scores: dict[str, Floats], spec: ModelSpec, horizon: int
) -> HorizonMetrics:
    """Return the figures of the scores on rows whose outcomes are known and not all alike.

    ``scores`` has the probabilities under ``MODEL``, which are also a column of ``rows``, and its rivals by name.
    """
    precision = {name: float(metrics.average_precision(viral, score) or 0.0) for name, score in scores.items()}
    baselines = {name: value for name, value in precision.items() if name not in (MODEL, CHAMPION)}
    best = max(baselines, key=baselines.__getitem__, default=None)
    blocks = day_blocks(rows["event_timestamp"], block_days=spec.bootstrap.block_days)
    samples = _samples(viral, scores, blocks, spec, horizon)
    level = spec.bootstrap.level
    intervals = {name: interval(sample, level=level) for name, sample in samples.items()}
    ratios = {
        name: interval(ratio(samples[MODEL], sample), level=level) for name, sample in samples.items() if name != MODEL
    }
    shown, oracle = metrics.precision_at_k(rows, score=probability_column(horizon), viral=label_column(horizon))
    return HorizonMetrics(
        rows=rows.height,
        positives=int(viral.sum()),
        days=int(blocks.max()) + 1,
        prevalence=float(viral.mean()),
        average_precision=precision[MODEL],
        interval=intervals.get(MODEL),
        baselines=baselines,
        baseline_intervals={name: intervals.get(name) for name in baselines},
        best_baseline=best,
        ratio_to_best_baseline=precision[MODEL] / baselines[best] if best else None,
        ratio_intervals=ratios,
        champion_average_precision=precision.get(CHAMPION),
        brier=metrics.brier(viral, scores[MODEL]),
        brier_skill=metrics.brier_skill(viral, scores[MODEL]),
        calibration_slope=metrics.calibration_slope(viral, scores[MODEL]),
        ece=metrics.expected_calibration_error(viral, scores[MODEL]),
        precision_at_20=shown,
        oracle_precision_at_20=oracle,
    )


def _samples(
    viral: Booleans,
    scores: dict[str, Floats],
    blocks: Integers,
    spec: ModelSpec,
    horizon: int,
) -> dict[str, Floats]:
    """Return the resampled average precisions; none from a single block, which has nothing to vary."""
    if blocks.max() == 0:
        return {}
    rng = np.random.default_rng([spec.seed, horizon])
    drawn = draw_multiplicities(int(blocks.max()) + 1, resamples=spec.bootstrap.resamples, rng=rng)
    return resampled_average_precision(viral, scores, blocks, drawn)
