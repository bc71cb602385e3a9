"""Rivals that a model must beat, scored on the same rows; a higher score means likelier to go viral."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from scipy.special import expit  # type: ignore[import-untyped]

from trenddrop.modeling.linear import fit_linear
from trenddrop.modeling.matrix import Floats, design_matrix, is_viral
from trenddrop.modeling.spec import Baseline


def baseline_scores(
    train: pl.DataFrame, test: pl.DataFrame, baselines: Sequence[Baseline], *, features: Sequence[str], horizon: int
) -> dict[str, Floats]:
    """Return the test rows' scores per baseline; one that finds no value there, or nothing to learn, is left out.

    ``train`` and ``test`` are the rows with a known outcome that the model is fitted and judged on.
    """
    scores = {
        baseline.name: _score(train, test, baseline, features=features, horizon=horizon) for baseline in baselines
    }
    return {name: score for name, score in scores.items() if score is not None}


def _score(
    train: pl.DataFrame, test: pl.DataFrame, baseline: Baseline, *, features: Sequence[str], horizon: int
) -> Floats | None:
    match baseline.kind:
        case "constant":
            return np.full(test.height, float(is_viral(train, horizon).mean()))
        case "rank":
            column = first_with_values(test, baseline.columns)
            return None if column is None else rank_score(test, column)
        case "chi_square":
            pairs = zip(baseline.columns, baseline.expected, strict=True)
            pair = next((pair for pair in pairs if all(first_with_values(test, [name]) for name in pair)), None)
            return None if pair is None else chi_square(test, *pair, hours=baseline.expected_hours)
        case "logistic":
            return logistic_score(train, test, features=features, horizon=horizon)


def first_with_values(frame: pl.DataFrame, columns: Sequence[str]) -> str | None:
    """Return the first of the columns that the frame has and that is not null throughout."""
    return next((name for name in columns if name in frame.columns and frame[name].null_count() < frame.height), None)


def rank_score(frame: pl.DataFrame, column: str) -> Floats:
    """Return the column as a score; unknown ranks last."""
    return _unknown_last(design_matrix(frame, [column])[:, 0])


def chi_square(frame: pl.DataFrame, observed: str, expected: str, *, hours: int) -> Floats:
    """Return the signed (O - E)^2 / E of the hour's new accounts, or posts, against the mean hour of a window.

    The window ends with the hour and includes it.
    """
    seen, window = design_matrix(frame, [observed, expected]).T
    usual = np.maximum(window / hours, 0.5)  # below a half the statistic explodes
    return _unknown_last(np.sign(seen - usual) * (seen - usual) ** 2 / usual)


def logistic_score(train: pl.DataFrame, test: pl.DataFrame, *, features: Sequence[str], horizon: int) -> Floats | None:
    """Return logistic regression's probabilities: logarithms, median imputation, missing flags, standardised."""
    model = fit_linear(design_matrix(train, features), is_viral(train, horizon))
    if model is None:
        return None
    probability: Floats = expit(model.log_odds(design_matrix(test, features)))
    return probability


def _unknown_last(score: Floats) -> Floats:
    known = score[~np.isnan(score)]
    return np.nan_to_num(score, nan=float(known.min()) - 1.0 if known.size else 0.0)
