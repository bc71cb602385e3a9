"""Which sentences say what the video is about: extractive title and summary.

A sentence counts by its centrality (its mean cosine to all sentences, as LexRank's degree; Erkan and Radev,
"LexRank", JAIR 22, 2004) and by its position, because openings carry the topic. Sentences of the summary are
chosen by maximal marginal relevance and told in their own order.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trenddrop.embeddings import Embedder
from trenddrop.embeddings.embedder import Vectors
from trenddrop.matching import Video
from trenddrop.metadata.text import clean, sentences

MAX_SENTENCES = 64
CENTRALITY, POSITION = 0.7, 0.3
SUMMARY_RELEVANCE = 0.7  # of maximal marginal relevance, against repeating the same thought
TITLE_WORDS = 4  # a shorter sentence makes a poor title where there is another


@dataclass(frozen=True, slots=True)
class Outline:
    """The sentences of a video: caption first, then summary, then transcript, none twice."""

    sentences: tuple[str, ...]
    vectors: Vectors  # one unit row per sentence
    weights: np.ndarray[tuple[int], np.dtype[np.float64]]  # higher says more of the whole
    first_source: int  # how many of the sentences come from the first source that has any

    @property
    def center(self) -> Vectors:
        """The mean direction of all sentences."""
        mean = self.vectors.mean(axis=0)
        return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), dtype=np.float32)


def outline(video: Video, embedder: Embedder, *, forbidden: str = "") -> Outline | None:
    """Return the weighed sentences of a video, or None when there is nothing to read.

    Of more than 64 sentences the first 64 are taken.
    """
    sources = [
        [clean(sentence, forbidden=forbidden) for sentence in sentences(text)]
        for text in (video.caption, video.summary, video.transcript)
    ]
    found = [[sentence for sentence in source if sentence] for source in sources]
    unique = tuple(dict.fromkeys(sentence for source in found for sentence in source))[:MAX_SENTENCES]
    if not unique:
        return None
    first = next(source for source in found if source)
    vectors = embedder.encode(unique)
    return Outline(unique, vectors, sentence_weights(vectors), min(len(dict.fromkeys(first)), len(unique)))


def sentence_weights(vectors: Vectors) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return 0.7 centrality + 0.3 / (1 + position), centrality scaled to at most 1."""
    centrality = (vectors @ vectors.mean(axis=0)).astype(np.float64)
    top = centrality.max()
    scaled = centrality / top if top > 0 else np.ones(len(vectors))
    return CENTRALITY * scaled + POSITION / (1.0 + np.arange(len(vectors)))


def title_sentence(text: Outline) -> str:
    """Return the sentence that makes the best title: of the caption where there is one.

    Sentences of at least four words are preferred, or of at least 8 code points where words are not spaced.
    """
    candidates = range(text.first_source)
    long_enough = [
        row
        for row in candidates
        if len(text.sentences[row].split()) >= TITLE_WORDS
        or (not text.sentences[row].isascii() and len(text.sentences[row]) >= 2 * TITLE_WORDS)
    ]
    best = max(long_enough or candidates, key=lambda row: (text.weights[row], -row))
    return text.sentences[best]


def summary_sentences(text: Outline, count: int) -> list[str]:
    """Return up to ``count`` sentences that together say most, in their own order."""
    similarity = (text.vectors @ text.vectors.T).astype(np.float64)
    chosen = mmr(text.weights, similarity, count, relevance_weight=SUMMARY_RELEVANCE)
    return [text.sentences[row] for row in sorted(chosen)]


def mmr(
    values: np.ndarray[tuple[int], np.dtype[np.float64]],
    similarity: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    count: int,
    *,
    relevance_weight: float,
) -> list[int]:
    """Return the rows chosen by maximal marginal relevance, in the order of choice.

    Each step takes the greatest w * value - (1 - w) * (greatest similarity to a chosen row), ties by row
    (Carbonell and Goldstein, SIGIR 1998).

    >>> same = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    >>> mmr(np.array([1.0, 0.9, 0.5]), same, 2, relevance_weight=0.5)
    [0, 2]
    """
    chosen: list[int] = []
    while len(chosen) < min(count, len(values)):
        scores = marginal(values, similarity, chosen, relevance_weight=relevance_weight)
        chosen.append(int(np.argmax(scores)))
    return chosen


def marginal(
    values: np.ndarray[tuple[int], np.dtype[np.float64]],
    similarity: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    chosen: Sequence[int],
    *,
    relevance_weight: float,
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the marginal relevance of every row, minus infinity for those already chosen."""
    rows = list(chosen)
    redundancy = similarity[:, rows].max(axis=1) if rows else np.zeros(len(values))
    scores = np.asarray(relevance_weight * values - (1 - relevance_weight) * redundancy, dtype=np.float64)
    scores[rows] = -np.inf
    return scores
