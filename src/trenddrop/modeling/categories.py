"""What a text feature of few values says: how often topics with the same value went viral before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl

from trenddrop.modeling.matrix import Floats, label_column
from trenddrop.modeling.purge import past_blocks
from trenddrop.modeling.spec import Categories

_SHARE = "{}_viral_share"


@dataclass(frozen=True, slots=True)
class CategoryShares:
    """Topics with each value of each column, and how many of them went viral."""

    categories: Categories
    counts: Mapping[str, Mapping[str, tuple[int, int]]]  # column to value to (topics, those that went viral)
    prior: float  # share of all topics that went viral

    @property
    def columns(self) -> dict[str, str]:
        """Return the columns that ``score`` gives, each with its description."""
        return {
            _SHARE.format(name): f"Share of past topics with the same {name.replace('_', ' ')} that went viral"
            for name in self.counts
        }

    def score(self, frame: pl.DataFrame) -> Floats:
        """Return (rows, columns): the smoothed share of the row's value; NaN where it is null or the column absent."""
        scores = np.full((frame.height, len(self.counts)), np.nan)
        smoothing = self.categories.smoothing
        for i, (name, counts) in enumerate(self.counts.items()):
            if name in frame.columns:
                values = frame[name].cast(pl.String)
                shares = {v: (n + smoothing * self.prior) / (of + smoothing) for v, (of, n) in counts.items()}
                share = values.replace_strict(shares, default=self.prior, return_dtype=pl.Float64)
                scores[:, i] = np.where(values.is_null(), np.nan, share.to_numpy())
        return scores


def fit_categories(frame: pl.DataFrame, categories: Categories, horizons: Sequence[int]) -> CategoryShares:
    """Count over the rows of ``frame`` that know an outcome at the widest horizon; columns without values are left out.

    Topics are counted, not rows: a topic that stayed on the list for long says no more than a short one.
    """
    used = [name for name in categories.columns if name in frame.columns and frame[name].is_not_null().any()]
    outcome = label_column(max(horizons))
    known = frame.filter(pl.col(outcome).is_not_null())
    viral = pl.col(outcome).any().alias("viral")
    topics = known.group_by("hashtag_id").agg(viral)
    prior = (float(topics["viral"].sum()) + 0.5) / (topics.height + 1.0)
    counts = {}
    for name in used:
        each = known.filter(pl.col(name).is_not_null()).group_by(name, "hashtag_id").agg(viral)
        found = each.group_by(name).agg(pl.len(), pl.col("viral").sum()).sort(name)
        counts[name] = {str(value): (of, n) for value, of, n in found.iter_rows()}
    return CategoryShares(categories, counts, prior)


def past_category_scores(
    frame: pl.DataFrame, shares: CategoryShares, horizons: Sequence[int], *, embargo: timedelta
) -> Floats:
    """Return the scores of training rows, each counted from outcomes that were over before its block of time.

    The columns are those of ``shares``; the first block has no past and is unknown.
    """
    scores = np.full((frame.height, len(shares.counts)), np.nan)
    names = list(shares.counts)
    for inside, past in past_blocks(frame, blocks=shares.categories.blocks, horizon=max(horizons), embargo=embargo):
        known = fit_categories(frame.filter(past), shares.categories, horizons)
        for name, values in zip(known.counts, known.score(frame.filter(inside)).T, strict=True):
            scores[inside, names.index(name)] = values
    return scores
