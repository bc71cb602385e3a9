"""The expanding walk-forward backtest: each block of the test period is judged by a model of everything before it."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from trenddrop.core.errors import InputError
from trenddrop.core.progress import SILENT, Progress
from trenddrop.modeling import FittedModel, ModelSpec, fit, predict
from trenddrop.modeling.baselines import baseline_scores
from trenddrop.modeling.fit import label_horizons
from trenddrop.modeling.horizon_model import HorizonModel
from trenddrop.modeling.matrix import Floats, is_viral, label_column, labelled, probability_column
from trenddrop.modeling.purge import without_open_windows
from trenddrop.training.coverage import IntervalMetrics, judge_intervals, walk_intervals
from trenddrop.training.evaluate import (
    MODEL,
    Around,
    calibration_prevalence,
    figures,
    undecided,
)
from trenddrop.training.events import THRESHOLD, AlertMetrics, judge_alerts
from trenddrop.training.folds import Fold, make_folds
from trenddrop.training.horizon_metrics import HorizonMetrics
from trenddrop.training.leak import LeakCheck, check_leak
from trenddrop.training.slices import is_unseen, slices, with_past_outcomes
from trenddrop.training.split import TimeSplit, default_test_from, split_by_time

CALIBRATED_ON = "calibration_prevalence_{}h"  # a column of the rows: see ``calibration_prevalence``


@dataclass(frozen=True, slots=True)
class BacktestFold:
    """One block of the test period and the model that judged it."""

    fold: Fold
    train_rows: int
    test_rows: int
    purged: Mapping[int, int]  # per horizon: training rows whose outcome window touches the block
    embargoed: Mapping[int, int]
    trained_until: datetime
    models: Sequence[HorizonModel]

    def as_dict(self) -> dict[str, Any]:
        """Return the fold as plain JSON-ready values."""
        return {
            "from": self.fold.start.isoformat(),
            "to": self.fold.end.isoformat(),
            "train_rows": self.train_rows,
            "test_rows": self.test_rows,
            "purged": {str(horizon): rows for horizon, rows in self.purged.items()},
            "embargoed": {str(horizon): rows for horizon, rows in self.embargoed.items()},
            "trained_until": self.trained_until.isoformat(),
            "calibration": {
                str(one.horizon): {
                    "method": one.calibrator.kind,
                    "compared": {trial.kind: trial.figures() for trial in one.trials},
                }
                for one in self.models
            },
        }


@dataclass(frozen=True, slots=True)
class HorizonBacktest:
    """All figures of one horizon over the whole test period."""

    metrics: HorizonMetrics
    alerts: AlertMetrics
    slices: Mapping[str, HorizonMetrics]
    leak: LeakCheck | None
    intervals: IntervalMetrics

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as plain JSON-ready values."""
        best = self.metrics.best_baseline
        return {
            **self.metrics.as_dict(),
            "ratio_interval": self.metrics.ratio_intervals.get(best) if best else None,
            **self.alerts.as_dict(),
            "slices": {name: one.as_dict() for name, one in self.slices.items()},
            "planted_leak": None if self.leak is None else self.leak.as_dict(),
            "probability_interval": self.intervals.as_dict(),
        }


@dataclass(frozen=True, slots=True)
class Backtest:
    """A finished backtest; ``predictions`` holds keys, probabilities and outcomes of every test row."""

    test_from: datetime
    folds: Sequence[BacktestFold]
    horizons: Mapping[int, HorizonBacktest]
    predictions: pl.DataFrame
    left_out: Mapping[int, str]

    def document(self) -> dict[str, Any]:
        """Return everything as one JSON-ready object; metrics are per horizon in hours."""
        return {
            "test_from": self.test_from.isoformat(),
            "folds": [one.as_dict() for one in self.folds],
            "left_out": {str(horizon): why for horizon, why in self.left_out.items()},
            "metrics": {str(horizon): one.as_dict() for horizon, one in self.horizons.items()},
        }


@dataclass(frozen=True, slots=True)
class _Judged:
    """The test rows of one fold with probabilities, and the rivals' scores of those with a known outcome."""

    summary: BacktestFold
    rows: pl.DataFrame
    rivals: Mapping[int, Mapping[str, Floats]]


def backtest(
    frame: pl.DataFrame,
    spec: ModelSpec,
    *,
    features: Sequence[str],
    test_from: datetime | None = None,
    threads: int = 1,
    progress: Progress = SILENT,
) -> Backtest:
    """Judge the recipe on every row from ``test_from`` (default: ``default_test_from``) on, block after block.

    The rows are those of ``train``. Each block is predicted by a model fitted on rows whose outcome window ends more
    than the embargo before it; its rivals learn from the same rows. All blocks are judged together.
    """
    frame = frame.sort("event_timestamp", "hashtag_id")
    horizons = label_horizons(frame, spec)
    frame = with_past_outcomes(without_open_windows(frame, horizons), horizons)
    start = test_from or default_test_from(frame["event_timestamp"])
    folds = make_folds(start, _last_known(frame, horizons))
    left_out = {
        horizon: f"no row from {start:%Y-%m-%d} on, or none before it, has a known outcome"
        for horizon in horizons
        if not _is_judgeable(frame, folds[0].start, horizon, spec)
    }
    horizons = tuple(horizon for horizon in horizons if horizon not in left_out)
    if not horizons:
        raise InputError(f"backtest: {next(iter(left_out.values()))}; ingest a longer period or move --test-from")
    spec = spec.model_copy(update={"horizons": horizons})
    judged = []
    for done, fold in enumerate(folds):
        progress.advance("backtest", done, len(folds))
        judged.append(_judge_fold(frame, spec, fold, features, threads))
    progress.advance("backtest", len(folds), len(folds))
    rows = pl.concat([one.rows for one in judged])
    leaks = _leaks(frame, spec, tuple(features), folds[0].start, threads)
    results = {
        horizon: _judge_horizon(rows, _pooled(judged, horizon), spec, horizon, leaks[horizon]) for horizon in horizons
    }
    return Backtest(folds[0].start, [one.summary for one in judged], results, rows, left_out)


def _last_known(frame: pl.DataFrame, horizons: Sequence[int]) -> datetime:
    known = frame.filter(pl.any_horizontal(pl.col([label_column(h) for h in horizons]).is_not_null()))
    last = known["event_timestamp"].max()
    if not isinstance(last, datetime):
        raise InputError("backtest: no labelled hour has a known outcome; ingest a longer period")
    return last


def _is_judgeable(frame: pl.DataFrame, start: datetime, horizon: int, spec: ModelSpec) -> bool:
    embargo = timedelta(hours=spec.split.embargo_hours)
    split = split_by_time(frame, test_from=start, horizons=(horizon,), embargo=embargo)
    return not labelled(split.train, horizon).is_empty() and not labelled(split.test, horizon).is_empty()


def _leaks(
    frame: pl.DataFrame, spec: ModelSpec, features: tuple[str, ...], start: datetime, threads: int
) -> dict[int, LeakCheck | None]:
    """Return the check of every horizon; horizons run beside each other, as in ``fit``."""

    def one(horizon: int) -> LeakCheck | None:
        return check_leak(frame, spec, features=features, horizon=horizon, test_from=start)

    with ThreadPoolExecutor(max(1, min(threads, len(spec.horizons)))) as pool:
        return dict(zip(spec.horizons, pool.map(one, spec.horizons), strict=True))


def _judge_fold(frame: pl.DataFrame, spec: ModelSpec, fold: Fold, features: Sequence[str], threads: int) -> _Judged:
    split = split_by_time(
        frame.filter(pl.col("event_timestamp") < fold.end),
        test_from=fold.start,
        horizons=spec.horizons,
        embargo=timedelta(hours=spec.split.embargo_hours),
    )
    model = fit(split.train, spec, features=features, threads=threads)
    rows = split.test.with_columns(
        *predict(model, split.test).select(map(probability_column, spec.horizons)).get_columns(),
        *_thresholds(model, spec),
        *_calibrated_on(split.train, spec),
        is_unseen(split.train),
    )
    rivals = {
        horizon: baseline_scores(
            labelled(split.train, horizon),
            labelled(rows, horizon),
            spec.baselines,
            features=features,
            horizon=horizon,
        )
        for horizon in spec.horizons
    }
    return _Judged(_summary(fold, split, model), rows, rivals)


def _thresholds(model: FittedModel, spec: ModelSpec) -> list[pl.Expr]:
    shares = {one.horizon: spec.alerts.threshold(one.prior) for one in model.horizons}
    return [pl.lit(share).alias(THRESHOLD.format(horizon)) for horizon, share in shares.items()]


def _calibrated_on(train: pl.DataFrame, spec: ModelSpec) -> list[pl.Expr]:
    shares = {horizon: calibration_prevalence(train, spec, horizon) for horizon in spec.horizons}
    return [pl.lit(share, pl.Float64).alias(CALIBRATED_ON.format(h)) for h, share in shares.items()]


def _summary(fold: Fold, split: TimeSplit, model: FittedModel) -> BacktestFold:
    return BacktestFold(
        fold=fold,
        train_rows=split.train.height,
        test_rows=split.test.height,
        purged=split.purged,
        embargoed=split.embargoed,
        trained_until=model.trained_until,
        models=model.horizons,
    )


def _pooled(judged: Sequence[_Judged], horizon: int) -> dict[str, Floats]:
    """Return the scores of all folds in a row; a rival that some fold lacks is left out.

    A fold without a known outcome has nothing to score, so no rival is missing there.
    """
    folds = [one.rivals[horizon] for one in judged if not labelled(one.rows, horizon).is_empty()]
    names = [name for name in folds[0] if all(name in fold for fold in folds)]
    return {name: np.concatenate([fold[name] for fold in folds]) for name in names}


def _judge_horizon(
    rows: pl.DataFrame, rivals: Mapping[str, Floats], spec: ModelSpec, horizon: int, leak: LeakCheck | None
) -> HorizonBacktest:
    known = labelled(rows, horizon)
    scores = {MODEL: known[probability_column(horizon)].to_numpy(), **rivals}
    parts = {"all": pl.lit(True), **slices(rows, horizon)}
    figures_of = {name: _part(rows, scores, part, spec, horizon) for name, part in parts.items()}
    return HorizonBacktest(
        metrics=figures_of.pop("all"),
        alerts=judge_alerts(known, spec, horizon=horizon),
        slices=figures_of,
        leak=leak,
        intervals=judge_intervals(walk_intervals(rows, spec, horizon=horizon), spec),
    )


def _part(
    rows: pl.DataFrame, scores: Mapping[str, Floats], part: pl.Expr, spec: ModelSpec, horizon: int
) -> HorizonMetrics:
    """Judge the rows of a part; ``scores`` are of all rows with a known outcome."""
    mask = labelled(rows, horizon).with_columns(part=part)["part"].to_numpy()
    rows = rows.filter(part)
    known = labelled(rows, horizon)
    share = known[CALIBRATED_ON.format(horizon)].mean()
    around = Around(rows.height, share if isinstance(share, float) else None)
    viral = is_viral(known, horizon)
    if not viral.any() or viral.all():
        return undecided(viral, spec, around)
    return figures(known, {name: score[mask] for name, score in scores.items()}, spec, horizon, around)
