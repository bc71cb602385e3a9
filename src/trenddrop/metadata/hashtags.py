"""Which hashtags a video gets: relevance x probability, with diversity, as many as the platform takes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import regex

from trenddrop.core.ids import normalized_name
from trenddrop.embeddings import Embedder, split_words
from trenddrop.embeddings.embedder import Vectors
from trenddrop.embeddings.text import HASHTAG_NAME
from trenddrop.matching import Match, MatchingConfig, Video, is_generic
from trenddrop.metadata.agent import Agent
from trenddrop.metadata.limits import HashtagLimits, fits
from trenddrop.metadata.summary import marginal

LONGEST_PHRASE = 3  # words; a longer keyword or headline makes no hashtag
UNKNOWN_LIFT = 0.5  # of a tag that nothing was predicted for: an average one
_NAME = regex.compile(HASHTAG_NAME)
_LETTER = regex.compile(r"\p{L}")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One hashtag that could be proposed."""

    hashtag: str  # with its sign
    trend_id: str | None  # None for a tag that the creator gave
    lift: float  # likelihood to go viral against the average, in [0, 1]
    similarity: float | None = None  # of the trend to the video; None where only the tag's own words can tell


@dataclass(frozen=True, slots=True)
class Choice:
    """One hashtag that was proposed."""

    hashtag: str
    trend_id: str | None
    relevance: float  # cosine of the trend, or of a creator's own tag, to the video
    propensity: float  # the probability with which this step chose it


def candidates(video: Video, matches: Sequence[Match], platform: str, config: MatchingConfig) -> list[Candidate]:
    """Return the video's own tags and the matched trends as hashtags; generic and impossible ones left out.

    The same name of several platforms counts once, that of the wanted platform before the others.
    """
    ordered = sorted(matches, key=lambda item: (item.platform != platform, item.rank))
    found: dict[str, Candidate] = {}
    for item in ordered:
        if (tag := as_hashtag(item.title)) and not is_generic(tag, config):
            found.setdefault(normalized_name(tag), Candidate(tag, item.trend_id, item.lift, item.similarity))
    for name in video.hashtags:
        if (tag := as_hashtag(name)) and not is_generic(tag, config):
            found.setdefault(normalized_name(tag), Candidate(tag, None, UNKNOWN_LIFT))
    return list(found.values())


def as_hashtag(name: str) -> str | None:
    """Return the name as a hashtag, or None where it cannot be one.

    A short phrase is written together. A hashtag has letters, marks, digits and underscores, and one letter at least.

    >>> [as_hashtag(name) for name in ("#booktok", "climate summit", "2026", "a-b", "Why so many people left town")]
    ['#booktok', '#climatesummit', None, None, None]
    """
    words = name.strip().lstrip("#＃").split()
    joined = "".join(words)
    if not words or len(words) > LONGEST_PHRASE or not _NAME.fullmatch(joined) or not _LETTER.search(joined):
        return None
    return f"#{joined}"


def portfolio(
    tags: Sequence[Candidate],
    center: Vectors,
    limits: HashtagLimits,
    agent: Agent,
    *,
    embedder: Embedder,
    rng: np.random.Generator | None,
) -> list[Choice]:
    """Return the chosen hashtags, the strongest first.

    The value of a tag is its similarity to the video times its lift, scaled to at most 1; each step takes the greatest
    marginal relevance. With a ``temperature`` above 0 and a generator of random numbers each step draws
    from the softmax of the marginal relevance instead, and the probability of the draw is recorded.
    """
    able = [tag for tag in tags if fits(tag.hashtag, limits.each)]
    vectors = embedder.encode([split_words(tag.hashtag) for tag in able])
    words = (vectors @ center).astype(np.float64)
    relevance = np.array(
        [own if tag.similarity is None else tag.similarity for tag, own in zip(able, words, strict=True)]
    )
    keep = [row for row in range(len(able)) if relevance[row] >= agent.min_relevance]
    if not keep:
        return []
    able, vectors, relevance = [able[row] for row in keep], vectors[keep], relevance[keep]
    values = np.maximum(relevance, 0.0) * np.array([tag.lift for tag in able])
    values = values / values.max() if values.max() > 0 else values
    similarity = (vectors @ vectors.T).astype(np.float64)
    chosen: list[int] = []
    propensities: list[float] = []
    while len(chosen) < min(limits.most, len(able)):
        scores = marginal(values, similarity, chosen, relevance_weight=agent.relevance_weight)
        row, propensity = draw(scores, temperature=agent.temperature, rng=rng)
        chosen.append(row)
        propensities.append(propensity)
    return [
        Choice(able[row].hashtag, able[row].trend_id, float(relevance[row]), propensity)
        for row, propensity in zip(chosen, propensities, strict=True)
    ]


def draw(
    scores: np.ndarray[tuple[int], np.dtype[np.float64]],
    *,
    temperature: float,
    rng: np.random.Generator | None,
) -> tuple[int, float]:
    """Return a row and the probability of drawing it: the best one for certain, or one of a softmax.

    >>> draw(np.array([0.1, 0.3]), temperature=0, rng=None)
    (1, 1.0)
    """
    if temperature <= 0 or rng is None:
        return int(np.argmax(scores)), 1.0
    weights = np.exp((scores - scores.max()) / temperature)
    shares = weights / weights.sum()
    row = int(rng.choice(len(shares), p=shares))
    return row, float(shares[row])
