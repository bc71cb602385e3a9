"""How a fitted model does on test rows, beside its rivals on the same rows and the same resampled days."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from trenddrop.modeling import metrics
from trenddrop.modeling.baselines import baseline_scores
from trenddrop.modeling.boost import calibration_start
from trenddrop.modeling.bootstrap import (
    day_blocks,
    horizon_draws,
    interval,
    ratio,
    resampled_average_precision,
)
from trenddrop.modeling.matrix import (
    Booleans,
    Floats,
    Integers,
    is_viral,
    label_column,
    labelled,
    probability_column,
)
from trenddrop.modeling.resampled import (
    resampled_brier_skill,
    resampled_calibration_error,
    resampled_calibration_slope,
    resampled_precision_at_k,
)
from trenddrop.modeling.spec import ModelSpec
from trenddrop.training.horizon_metrics import HorizonMetrics
from trenddrop.training.limits import bars_cleared, effective_number, if_exact, limits

MODEL, CHAMPION = "model", "champion"


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
    around = Around(test.height, calibration_prevalence(train, spec, horizon))
    if viral.all() or not viral.any():
        return Evaluation(horizon, undecided(viral, spec, around), viral, scores)
    scores |= baseline_scores(taught, rows, spec.baselines, features=features, horizon=horizon)
    if f"{CHAMPION}_{probability}" in rows.columns:
        scores[CHAMPION] = rows[f"{CHAMPION}_{probability}"].to_numpy()
    return Evaluation(horizon, figures(rows, scores, spec, horizon, around), viral, scores)


@dataclass(frozen=True, slots=True)
class Around:
    """What the judged rows alone do not show."""

    candidates: int  # rows, those with an unknown outcome included
    calibration_prevalence: float | None


def calibration_prevalence(train: pl.DataFrame, spec: ModelSpec, horizon: int) -> float | None:
    """Return the share of positives in the newest block of the training period, on which the model was calibrated."""
    rows = labelled(train, horizon)
    if rows.is_empty():
        return None
    newest = rows.filter(pl.col("event_timestamp") >= calibration_start(rows["event_timestamp"], spec))
    return float(is_viral(newest, horizon).mean())


def undecided(viral: Booleans, spec: ModelSpec, around: Around) -> HorizonMetrics:
    """Return the counts of rows whose known outcomes are all alike, and in words what they do not allow."""
    one = HorizonMetrics(
        viral.size,
        int(viral.sum()),
        candidates=around.candidates,
        calibration_prevalence=around.calibration_prevalence,
    )
    return replace(one, limits=limits(one, spec.bars))


def figures(
    rows: pl.DataFrame, scores: dict[str, Floats], spec: ModelSpec, horizon: int, around: Around
) -> HorizonMetrics:
    """Return the figures of the scores on rows whose outcomes are known and not all alike.

    ``scores`` has the probabilities under ``MODEL``, which are also a column of ``rows``, and its rivals by name.
    """
    viral, probability = is_viral(rows, horizon), scores[MODEL]
    precision = {name: float(metrics.average_precision(viral, score) or 0.0) for name, score in scores.items()}
    baselines = {name: value for name, value in precision.items() if name not in (MODEL, CHAMPION)}
    best = max(baselines, key=baselines.__getitem__, default=None)
    blocks = day_blocks(rows["event_timestamp"], block_days=spec.bootstrap.block_days)
    drawn = horizon_draws(blocks, spec, horizon)
    samples = {} if drawn is None else resampled_average_precision(viral, scores, blocks, drawn)
    others = {} if drawn is None else _other_samples(rows, probability, blocks, drawn, horizon)
    level = spec.bootstrap.level
    intervals = {name: interval(sample, level=level) for name, sample in samples.items()}
    ratios = {
        name: interval(ratio(samples[MODEL], sample), level=level) for name, sample in samples.items() if name != MODEL
    }
    shown, oracle = metrics.precision_at_k(rows, score=probability_column(horizon), viral=label_column(horizon))
    exact = if_exact(rows, probability, horizon, rng=np.random.default_rng([spec.seed, horizon]))
    one = HorizonMetrics(
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
        brier=metrics.brier(viral, probability),
        brier_skill=metrics.brier_skill(viral, probability),
        calibration_slope=metrics.calibration_slope(viral, probability),
        ece=metrics.expected_calibration_error(viral, probability),
        precision_at_20=shown,
        oracle_precision_at_20=oracle,
        intervals={name: interval(sample, level=level) for name, sample in others.items()},
        candidates=around.candidates,
        calibration_prevalence=around.calibration_prevalence,
        mean_probability=float(probability.mean()),
        distinct_positives=rows.filter(viral).select("event_timestamp", probability_column(horizon)).n_unique(),
        effective_days=effective_number(np.bincount(blocks[viral]).astype(np.float64)),
        exact_ece=exact.ece,
        exact_average_precision=exact.average_precision,
    )
    return replace(one, bars=bars_cleared(one, spec.bars), limits=limits(one, spec.bars))


def _other_samples(
    rows: pl.DataFrame, probability: Floats, blocks: Integers, drawn: Floats, horizon: int
) -> dict[str, Floats]:
    viral, columns = is_viral(rows, horizon), {"score": probability_column(horizon), "viral": label_column(horizon)}
    return {
        "brier_skill": resampled_brier_skill(viral, probability, blocks, drawn),
        "calibration_slope": resampled_calibration_slope(viral, probability, blocks, drawn),
        "ece": resampled_calibration_error(viral, probability, blocks, drawn),
        "precision_at_20": resampled_precision_at_k(rows, blocks, drawn, **columns),
    }
