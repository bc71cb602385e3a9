"""What the characters of a name say: how often topics with the same ones went viral before.

A name is cut into runs of one to ``longest_run`` characters, which needs no dictionary and suits Chinese as well as
hashtags without spaces. Each run keeps how many topics had it and how many of those went viral, within the training
period.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_matrix  # type: ignore[import-untyped]
from sklearn.feature_extraction.text import HashingVectorizer

from trenddrop.modeling.matrix import Floats, label_column
from trenddrop.modeling.purge import past_blocks
from trenddrop.modeling.spec import Words

COLUMNS = {
    "name_viral_share_mean": "Share of past topics with the same characters in their name that went viral (mean)",
    "name_viral_share_max": "Share of past topics with the same characters in their name that went viral (greatest)",
    "name_familiarity": "Share of the name's runs of characters that past topics had",
}
PLATFORM = r"^[^:]*:"  # of a hashtag_id: its platform

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class WordCounts:
    """Topics with each hashed run of characters, and how many of them went viral."""

    words: Words
    topics: Counts  # (buckets,)
    positives: Counts  # (buckets,)
    prior: float  # share of all topics that went viral

    def score(self, hashtag_ids: pl.Series) -> Floats:
        """Return (rows, columns of ``COLUMNS``) for these names; a name without characters is unknown."""
        names, place = _distinct(hashtag_ids)
        return self.score_runs(_runs(names, self.words))[place]

    def score_runs(self, runs: csr_matrix) -> Floats:
        """Return the scores of names that are cut into runs already."""
        share = (self.positives + self.words.smoothing * self.prior) / (self.topics + self.words.smoothing)
        weight = 1 / np.log(np.e + self.topics)  # rare runs name the subject, frequent ones the grammar
        length, total = runs.sum(axis=1).A1, runs @ weight
        highest = runs.multiply(share).tocsr().max(axis=1).toarray().ravel()
        with np.errstate(invalid="ignore", divide="ignore"):
            scores = np.column_stack(
                [runs @ (weight * share) / total, highest, runs @ (self.topics > 0).astype(float) / length]
            )
        scores[length == 0] = np.nan
        return scores


def learn_words(
    frame: pl.DataFrame, words: Words, horizons: Sequence[int], *, embargo: timedelta
) -> tuple[WordCounts, Floats]:
    """Return the counts over the rows that know an outcome at the widest horizon, and the scores of every row.

    A row is scored by outcomes that were over before its block of time. The period is cut into
    ``blocks`` of equal length, as if the model were trained again at the start of each; the first block has no past
    and is unknown. Scores are (rows, columns of ``COLUMNS``) in the frame's order.
    """
    names, place = _distinct(frame["hashtag_id"])
    runs, outcomes = _runs(names, words), _outcomes(frame, horizons)
    scores = np.full((frame.height, len(COLUMNS)), np.nan)
    for inside, past in past_blocks(frame, blocks=words.blocks, horizon=max(horizons), embargo=embargo):
        counted = _count(runs, np.where(past, outcomes, np.nan), place, words)
        asked, of_row = np.unique(place[inside], return_inverse=True)
        scores[inside] = counted.score_runs(runs[asked])[of_row]
    return _count(runs, outcomes, place, words), scores


def _distinct(hashtag_ids: pl.Series) -> tuple[list[str], Counts]:
    """Return the distinct names and each row's place among them."""
    names = hashtag_ids.cast(pl.String).fill_null("").str.replace(PLATFORM, "")
    distinct = names.unique().sort()
    place: Counts = distinct.search_sorted(names).to_numpy().astype(np.int64)
    return distinct.to_list(), place


def _runs(names: Sequence[str], words: Words) -> csr_matrix:
    """Return (names, buckets), 1 where the name has the run; murmurhash is the same on every machine."""
    if not names:
        return csr_matrix((0, words.buckets))
    hashing = HashingVectorizer(
        analyzer="char",
        ngram_range=(1, words.longest_run),
        n_features=words.buckets,
        alternate_sign=False,
        norm=None,
        binary=True,
    )
    return hashing.transform(names).tocsr()


def _outcomes(frame: pl.DataFrame, horizons: Sequence[int]) -> Floats:
    outcome = frame[label_column(max(horizons))].cast(pl.Float64).fill_null(np.nan)
    return outcome.to_numpy()


def _count(runs: csr_matrix, outcomes: Floats, place: Counts, words: Words) -> WordCounts:
    """Count topics, not rows: a topic that stayed on the list for long says no more than a short one."""
    known = ~np.isnan(outcomes)
    is_topic, is_viral = np.zeros(runs.shape[0], dtype=np.int64), np.zeros(runs.shape[0], dtype=np.int64)
    is_topic[place[known]] = 1
    is_viral[place[known & (outcomes == 1)]] = 1
    prior = (float(is_viral.sum()) + 0.5) / (float(is_topic.sum()) + 1.0)
    binary = runs.astype(np.int64)
    return WordCounts(words, binary.T @ is_topic, binary.T @ is_viral, prior)
