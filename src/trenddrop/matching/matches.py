"""Trends near a video in meaning, ranked by nearness and by how likely they are to go viral."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from trenddrop.core.errors import ConfigError
from trenddrop.core.ids import normalized_name
from trenddrop.embeddings import Embedder
from trenddrop.index import Filter, Hit, VectorIndex
from trenddrop.matching.config import MatchingConfig
from trenddrop.matching.scores import PROBABILITIES
from trenddrop.matching.video import Video


@dataclass(frozen=True, slots=True)
class Match:
    """One trend that fits one video."""

    trend_id: str
    title: str
    platform: str
    hashtag_id: str | None
    similarity: float  # cosine, higher is closer
    probabilities: dict[str, float | None]  # probability_6h, ...; None where nothing was predicted
    lift: float  # likelihood against the average trend: 0.5 for an average or unknown one, at most 1
    rank_score: float  # in [0, 1], higher is better
    rank: int  # 1 is the best


def match(
    video: Video,
    index: VectorIndex,
    scores: pl.DataFrame,
    config: MatchingConfig,
    *,
    embedder: Embedder,
    platform: str | None = None,
) -> list[Match]:
    """Return the best matches of a video, best first; none for a video without words.

    ``scores`` holds one row per hashtag_id with its ``probability_<h>h`` columns; trends without a row count as
    average ones. ``platform`` keeps the trends of one platform. The rank is the formula in
    ``configs/matching.yaml``; equal ranks are ordered by trend id.
    """
    if embedder.name != index.model:
        raise ConfigError(
            f"index: built with {index.model}, the video would be embedded with {embedder.name}; run `trenddrop index`"
        )
    text = video.text()
    if not text:
        return []
    wanted: Filter | None = None if platform is None else {"platform": platform}
    hits = index.search(embedder.encode([text]), config.candidates, filter=wanted)[0]
    kept = [
        hit
        for hit in hits
        if hit.similarity >= config.min_similarity and not is_generic(hit.metadata.get("title", ""), config)
    ]
    return _ranked(kept, scores, config)[: config.matches]


def is_generic(name: str, config: MatchingConfig) -> bool:
    """Return whether a tag says nothing about a video.

    >>> from trenddrop.matching.config import load_matching
    >>> [is_generic(name, load_matching()) for name in ("#FYP", "fypシ゚", "xuhuong2024", "booktok")]
    [True, True, True, False]
    """
    normal = normalized_name(name)
    return not normal or normal in config.generic_tags or bool(config.generic_pattern.fullmatch(normal))


def _ranked(hits: list[Hit], scores: pl.DataFrame, config: MatchingConfig) -> list[Match]:
    ids = [hit.metadata.get("hashtag_id") or hit.id for hit in hits]
    wanted = pl.DataFrame({"hashtag_id": pl.Series(ids, dtype=pl.String)})
    known = scores.select("hashtag_id", *(_column(scores, name) for name in PROBABILITIES)).unique(
        "hashtag_id", keep="last", maintain_order=True
    )
    probabilities = wanted.join(known, on="hashtag_id", how="left", maintain_order="left")
    by_horizon = config.weights.by_horizon
    similarity = np.array([max(hit.similarity, 0.0) for hit in hits], dtype=np.float64)
    lifts = np.full(len(hits), 0.5)
    if sum(by_horizon.values()) > 0:
        columns = [lift(probabilities[name], average=known[name].mean()) for name in by_horizon]
        lifts = np.average(columns, axis=0, weights=list(by_horizon.values()))
    weights = config.weights
    total = (weights.similarity * similarity + sum(by_horizon.values()) * lifts) / weights.total
    order = sorted(range(len(hits)), key=lambda row: (-total[row], hits[row].id))
    values = probabilities.select(PROBABILITIES).to_dicts()
    return [
        Match(
            trend_id=hits[row].id,
            title=hits[row].metadata.get("title", ""),
            platform=hits[row].metadata.get("platform", ""),
            hashtag_id=hits[row].metadata.get("hashtag_id") or None,
            similarity=hits[row].similarity,
            probabilities=values[row],
            lift=float(lifts[row]),
            rank_score=float(total[row]),
            rank=rank,
        )
        for rank, row in enumerate(order, start=1)
    ]


def lift(probability: pl.Series, *, average: object) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return p / (p + average): 0.5 for an average or unknown trend, and for all where nothing was predicted.

    >>> lift(pl.Series([0.0, 0.1, 0.3, None]), average=0.1).round(2).tolist()
    [0.0, 0.5, 0.75, 0.5]
    """
    if not isinstance(average, float) or average <= 0:
        return np.full(len(probability), 0.5)
    values = probability.fill_null(average).to_numpy()
    return np.asarray(values / (values + average), dtype=np.float64)


def _column(scores: pl.DataFrame, name: str) -> pl.Expr:
    """Return the column as floats, null where there is none (a model need not predict every horizon)."""
    if name in scores.columns:
        return pl.col(name).cast(pl.Float64)
    return pl.lit(None, dtype=pl.Float64).alias(name)
