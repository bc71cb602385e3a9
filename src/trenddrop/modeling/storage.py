"""A fitted model as plain files: JSON, and LightGBM's text for every set of trees. Nothing is pickled.

``model.json`` is the document; ``horizon_<h>h.txt`` (or one ``hazard.txt``) predicts the outcomes and
``<target>_<quantile>.txt`` the peaks; ``intervals.json`` changes as later outcomes come.
"""

import hashlib
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Literal

import lightgbm as lgb
import numpy as np
from pydantic import ValidationError

from trenddrop.core.errors import IntegrityError, NotFoundError
from trenddrop.core.settings import Config
from trenddrop.modeling.calibrate import Calibrator, Kind, Trial
from trenddrop.modeling.categories import CategoryShares
from trenddrop.modeling.conformal import AdaptiveIntervals, Intervals
from trenddrop.modeling.fit import FittedModel
from trenddrop.modeling.horizon_model import HorizonModel
from trenddrop.modeling.linear import Companion, LinearModel
from trenddrop.modeling.outcomes import OutcomeModel, Target
from trenddrop.modeling.spec import ModelSpec
from trenddrop.modeling.trees import read_trees, trees_text
from trenddrop.modeling.words import WordCounts

DOCUMENT, INTERVALS = "model.json", "intervals.json"


class _Trial(Config):
    kind: Kind
    log_loss: float
    ece: float
    slope: float


class _Line(Config):
    used: tuple[int, ...]
    median: tuple[float, ...]
    flagged: tuple[bool, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float
    tree_weight: float
    linear_weight: float
    shift: float


class _Horizon(Config):
    horizon: int
    sha256: str | None  # of the booster's file; None is a constant model
    calibrator: Kind
    knots: tuple[float, ...]
    values: tuple[float, ...]
    prior: float
    rounds: int
    rows: int
    positives: int
    trials: tuple[_Trial, ...] = ()
    steps: tuple[int, ...] = ()
    line: _Line | None = None


class _Words(Config):
    """Only the buckets that some topic had."""

    bucket: tuple[int, ...]
    topics: tuple[int, ...]
    positives: tuple[int, ...]
    prior: float


class _Categories(Config):
    counts: dict[str, dict[str, tuple[int, int]]]
    prior: float


class _Intervals(Config):
    """The errors of one horizon's last days, by band; None without rows."""

    config: Intervals
    horizon: int
    misses: tuple[float, ...]
    errors: tuple[tuple[float | None, ...], ...]
    rows: tuple[tuple[float, ...], ...]
    known_day: int | None


class _AllIntervals(Config):
    horizons: tuple[_Intervals, ...]


class _Outcome(Config):
    target: Target
    horizon: int
    quantiles: tuple[float, ...]
    sha256: tuple[str, ...]  # of the boosters' files
    margin: float
    rows: int


class _Document(Config):
    format: Literal[1] = 1
    spec: ModelSpec
    features: tuple[str, ...]
    descriptions: dict[str, str]
    trained_until: datetime
    horizons: tuple[_Horizon, ...]
    words: _Words | None = None
    categories: _Categories | None = None
    outcomes: tuple[_Outcome, ...] = ()


def save_model(model: FittedModel, folder: Path) -> None:
    """Write ``model.json``, files of trees for horizons (or ``hazard.txt``) and quantiles, and ``intervals.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / DOCUMENT).write_text(_document(model).model_dump_json(indent=1), encoding="utf-8")
    for one in model.horizons:
        if one.booster is not None:
            (folder / _trees_file(one)).write_bytes(trees_text(one.booster).encode())
    for outcome in model.outcomes:
        for quantile, booster in zip(outcome.quantiles, outcome.boosters, strict=True):
            (folder / _quantile_file(outcome.target, quantile)).write_bytes(trees_text(booster).encode())
    if model.intervals:
        kept = _AllIntervals(horizons=tuple(map(_kept_intervals, model.intervals)))
        (folder / INTERVALS).write_text(kept.model_dump_json(indent=1), encoding="utf-8")


def load_model(folder: Path) -> FittedModel:
    """Read what ``save_model`` wrote; raise IntegrityError where a file is damaged or does not match its checksum."""
    path = folder / DOCUMENT
    if not path.is_file():
        raise NotFoundError(f"{path}: no such file; expected a saved model")
    try:
        document = _Document.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise IntegrityError(f"{path}: not a saved model: {error.errors()[0]['msg']}; train again") from error
    return FittedModel(
        spec=document.spec,
        features=document.features,
        descriptions=document.descriptions,
        horizons=tuple(_load_horizon(folder, one) for one in document.horizons),
        trained_until=document.trained_until,
        words=_load_words(document),
        categories=_load_categories(document),
        intervals=_load_intervals(folder / INTERVALS),
        outcomes=tuple(_load_outcome(folder, one) for one in document.outcomes),
    )


def fingerprint(model: FittedModel) -> str:
    """Return 32 hexadecimal characters: equal for models that predict the same and explain it in the same words.

    The intervals of the probabilities do not count: they follow the outcomes of the days after the training.
    """
    return hashlib.sha256(_document(model).model_dump_json().encode()).hexdigest()[:32]


def _document(model: FittedModel) -> _Document:
    return _Document(
        spec=model.spec,
        features=model.features,
        descriptions=dict(model.descriptions),
        trained_until=model.trained_until,
        horizons=tuple(
            _Horizon(
                horizon=one.horizon,
                sha256=None if one.booster is None else _digest(one.booster),
                calibrator=one.calibrator.kind,
                knots=one.calibrator.knots,
                values=one.calibrator.values,
                prior=one.prior,
                rounds=one.rounds,
                rows=one.rows,
                positives=one.positives,
                trials=tuple(_Trial(**asdict(trial)) for trial in one.trials),
                steps=one.steps,
                line=None if one.companion is None else _line(one.companion),
            )
            for one in model.horizons
        ),
        words=_words(model),
        categories=_categories(model),
        outcomes=tuple(
            _Outcome(
                target=one.target,
                horizon=one.horizon,
                quantiles=one.quantiles,
                sha256=tuple(map(_digest, one.boosters)),
                margin=one.margin,
                rows=one.rows,
            )
            for one in model.outcomes
        ),
    )


def _digest(booster: lgb.Booster) -> str:
    return hashlib.sha256(trees_text(booster).encode()).hexdigest()


def _words(model: FittedModel) -> _Words | None:
    if (counted := model.words) is None:
        return None
    bucket = np.flatnonzero(counted.topics)
    return _Words(
        bucket=tuple(bucket.tolist()),
        topics=tuple(counted.topics[bucket].tolist()),
        positives=tuple(counted.positives[bucket].tolist()),
        prior=counted.prior,
    )


def _load_words(document: _Document) -> WordCounts | None:
    if (kept := document.words) is None or (spec := document.spec.words) is None:
        return None
    topics, positives = np.zeros((2, spec.buckets), dtype=np.int64)
    topics[list(kept.bucket)], positives[list(kept.bucket)] = kept.topics, kept.positives
    return WordCounts(spec, topics, positives, kept.prior)


def _categories(model: FittedModel) -> _Categories | None:
    if (shares := model.categories) is None:
        return None
    return _Categories(counts={name: dict(counts) for name, counts in shares.counts.items()}, prior=shares.prior)


def _load_categories(document: _Document) -> CategoryShares | None:
    if (kept := document.categories) is None or (spec := document.spec.categories) is None:
        return None
    return CategoryShares(spec, kept.counts, kept.prior)


def _kept_intervals(one: AdaptiveIntervals) -> _Intervals:
    errors = tuple(tuple(None if np.isnan(error) else error for error in day) for day in one.errors.tolist())
    return _Intervals(
        config=one.config,
        horizon=one.horizon,
        misses=tuple(one.misses),
        errors=errors,
        rows=tuple(map(tuple, one.rows.tolist())),
        known_day=one.known_day,
    )


def _load_intervals(path: Path) -> tuple[AdaptiveIntervals, ...]:
    if not path.is_file():
        return ()
    try:
        kept = _AllIntervals.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise IntegrityError(f"{path}: not a model's intervals: {error.errors()[0]['msg']}; train again") from error
    return tuple(
        AdaptiveIntervals(
            config=one.config,
            horizon=one.horizon,
            misses=np.array(one.misses),
            errors=np.array(one.errors, dtype=np.float64).reshape(len(one.errors), len(one.misses)),
            rows=np.array(one.rows, dtype=np.float64).reshape(len(one.rows), len(one.misses)),
            known_day=one.known_day,
        )
        for one in kept.horizons
    )


def _load_horizon(folder: Path, one: _Horizon) -> HorizonModel:
    booster = None if one.sha256 is None else _load_trees(folder / _trees_file(one), one.sha256)
    calibrator = Calibrator(one.calibrator, one.knots, one.values)
    trials = tuple(Trial(**trial.model_dump()) for trial in one.trials)
    return HorizonModel(
        horizon=one.horizon,
        booster=booster,
        calibrator=calibrator,
        prior=one.prior,
        rounds=one.rounds,
        rows=one.rows,
        positives=one.positives,
        trials=trials,
        steps=one.steps,
        companion=None if one.line is None else _companion(one.line),
    )


def _load_outcome(folder: Path, one: _Outcome) -> OutcomeModel:
    files = [folder / _quantile_file(one.target, quantile) for quantile in one.quantiles]
    boosters = tuple(_load_trees(path, digest) for path, digest in zip(files, one.sha256, strict=True))
    return OutcomeModel(one.target, one.horizon, one.quantiles, boosters, one.margin, one.rows)


def _load_trees(path: Path, digest: str) -> lgb.Booster:
    trees = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(trees).hexdigest() != digest:
        raise IntegrityError(f"{path}: does not match the checksum in {DOCUMENT}; train again or restore it")
    return read_trees(trees.decode())


def _quantile_file(target: Target, quantile: float) -> str:
    return f"{target}_{quantile:g}.txt"


def _line(companion: Companion) -> _Line:
    model = companion.model
    return _Line(
        used=tuple(model.used.tolist()),
        median=tuple(model.median.tolist()),
        flagged=tuple(model.flagged.tolist()),
        mean=tuple(model.mean.tolist()),
        scale=tuple(model.scale.tolist()),
        weights=tuple(model.weights.tolist()),
        intercept=model.intercept,
        tree_weight=companion.tree_weight,
        linear_weight=companion.linear_weight,
        shift=companion.shift,
    )


def _companion(line: _Line) -> Companion:
    model = LinearModel(
        used=np.array(line.used, dtype=np.int64),
        median=np.array(line.median),
        flagged=np.array(line.flagged, dtype=bool),
        mean=np.array(line.mean),
        scale=np.array(line.scale),
        weights=np.array(line.weights),
        intercept=line.intercept,
    )
    return Companion(model, line.tree_weight, line.linear_weight, line.shift)


def _trees_file(one: HorizonModel | _Horizon) -> str:
    """Return the file of the trees; horizons that share a hazard share it."""
    return "hazard.txt" if one.steps else f"horizon_{one.horizon}h.txt"
