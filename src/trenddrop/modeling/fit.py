"""Trees for every horizon, calibrated on a later block of their own training period."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from trenddrop.core.errors import SchemaError
from trenddrop.core.progress import SILENT, Progress
from trenddrop.modeling.categories import CategoryShares, fit_categories, past_category_scores
from trenddrop.modeling.conformal import AdaptiveIntervals
from trenddrop.modeling.hazard import fit_hazard
from trenddrop.modeling.horizon_model import HorizonModel
from trenddrop.modeling.matrix import Floats, design_matrix, label_column, labelled, require_features
from trenddrop.modeling.outcomes import OutcomeModel
from trenddrop.modeling.per_horizon import Recipe, fit_per_horizon
from trenddrop.modeling.spec import ModelSpec
from trenddrop.modeling.words import COLUMNS, WordCounts, learn_words


@dataclass(frozen=True, slots=True)
class FittedModel:
    """Everything that prediction needs; features are in the order of the design matrix, before what names say."""

    spec: ModelSpec
    features: tuple[str, ...]
    descriptions: Mapping[str, str]
    horizons: tuple[HorizonModel, ...]
    trained_until: datetime  # the last event timestamp that was learned from
    words: WordCounts | None = None
    categories: CategoryShares | None = None
    intervals: tuple[AdaptiveIntervals, ...] = ()  # learned from later outcomes: no part of what was fitted
    outcomes: tuple[OutcomeModel, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Return what the trees read: the features, then what the model makes of a topic's name and categories."""
        words = COLUMNS if self.words is not None else {}
        categories = self.categories.columns if self.categories is not None else {}
        return (*self.features, *words, *categories)

    @property
    def texts(self) -> tuple[str, ...]:
        """Return the columns of text that ``matrix`` reads, beside the features; without them they say nothing."""
        names = ("hashtag_id",) if self.words is not None else ()
        return (*names, *(self.categories.counts if self.categories is not None else ()))

    def matrix(self, frame: pl.DataFrame) -> Floats:
        """Return (rows, columns) for the trees; rows without ``hashtag_id`` have names that say nothing."""
        parts = [design_matrix(frame, self.features)]
        if self.words is not None:
            is_named = "hashtag_id" in frame.columns
            nameless = np.full((frame.height, len(COLUMNS)), np.nan)
            parts.append(self.words.score(frame["hashtag_id"]) if is_named else nameless)
        if self.categories is not None:
            parts.append(self.categories.score(frame))
        return np.hstack(parts)


def fit(
    frame: pl.DataFrame,
    spec: ModelSpec,
    *,
    features: Sequence[str],
    descriptions: Mapping[str, str] | None = None,
    threads: int = 1,
    progress: Progress = SILENT,
) -> FittedModel:
    """Fit every horizon of the spec that the frame has a label column for.

    One row is one hashtag at one event timestamp. Rows whose label is null are unknown and left out of that horizon;
    nothing is resampled. The number of trees and the calibration come from the newest block of the period,
    judged by a model fitted on the purged rows before it; then the trees are grown again on the whole period.
    The result depends on the rows and the spec alone: neither on their order nor on the number of threads.
    """
    horizons = label_horizons(frame, spec)
    require_features(frame, features)
    frame = frame.sort("event_timestamp", "hashtag_id")
    embargo = timedelta(hours=spec.split.embargo_hours)
    words, categories, told = None, None, dict(descriptions or {})
    learned: dict[str, Floats] = {}  # column to its values: what the past of each row said
    if spec.words is not None and frame["hashtag_id"].n_unique() >= spec.words.min_topics:
        words, past = learn_words(frame, spec.words, horizons, embargo=embargo)
        learned |= dict(zip(COLUMNS, past.T, strict=True))
        told |= COLUMNS
    if spec.categories is not None:
        categories = fit_categories(frame, spec.categories, horizons)
        past = past_category_scores(frame, categories, horizons, embargo=embargo)
        learned |= dict(zip(categories.columns, past.T, strict=True))
        told |= categories.columns
    frame = frame.with_columns(pl.Series(name, values) for name, values in learned.items())
    progress.advance("train", 0, len(horizons))
    recipe = Recipe(spec, [*features, *learned], horizons, threads, progress)
    is_hazard = spec.kind == "hazard" and len(horizons) > 1  # the hazard of a single step is its probability
    models = fit_hazard(frame, recipe) if is_hazard else fit_per_horizon(frame, recipe)
    trained_until = max(
        moment for h in horizons if isinstance(moment := labelled(frame, h)["event_timestamp"].max(), datetime)
    )
    return FittedModel(spec, tuple(features), told, models, trained_until, words, categories)


def label_horizons(frame: pl.DataFrame, spec: ModelSpec) -> tuple[int, ...]:
    """Return the horizons of the spec that the frame has labels for; raise SchemaError when there is none."""
    if missing := sorted({"hashtag_id", "event_timestamp"} - set(frame.columns)):
        raise SchemaError(f"training frame: missing columns {missing}; got {frame.columns}")
    kind = frame.schema["event_timestamp"]
    if not isinstance(kind, pl.Datetime) or kind.time_zone != "UTC":
        raise SchemaError(f"training frame: event_timestamp is {kind}, expected a datetime in UTC")
    horizons = tuple(horizon for horizon in spec.horizons if label_column(horizon) in frame.columns)
    if not horizons:
        expected = [label_column(horizon) for horizon in spec.horizons]
        raise SchemaError(f"training frame: none of the label columns {expected}; got {frame.columns}")
    return horizons
