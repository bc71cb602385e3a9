"""An embedder without weights for the many runs of property tests, and the real configs."""

import zlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from trenddrop.embeddings import PackagedMiniLM
from trenddrop.embeddings.embedder import Vectors, normalized
from trenddrop.matching import Match, load_matching
from trenddrop.metadata import GenerationSetup, PlatformLimits, load_agent, load_platforms


class TrigramEmbedder:
    """Counts hashed character trigrams: texts that share letters are near each other."""

    name = "trigrams"
    dimensions = 64

    def encode(self, texts: Sequence[str]) -> Vectors:
        rows = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for row, text in enumerate(texts):
            for start in range(max(1, len(text) - 2)):
                piece = text[start : start + 3].encode("utf-8", "replace")
                rows[row, zlib.crc32(piece) % self.dimensions] += 1
        return normalized(rows)


@pytest.fixture(scope="session")
def embedder() -> PackagedMiniLM:
    return PackagedMiniLM()


@pytest.fixture(scope="session")
def trigrams() -> TrigramEmbedder:
    return TrigramEmbedder()


@pytest.fixture(scope="session")
def platforms() -> Mapping[str, PlatformLimits]:
    return load_platforms()


@pytest.fixture(scope="session")
def toy_setup(trigrams: TrigramEmbedder, platforms: Mapping[str, PlatformLimits]) -> GenerationSetup:
    return GenerationSetup(load_agent("default"), platforms, load_matching(), trigrams)


@pytest.fixture(scope="session")
def setup(embedder: PackagedMiniLM, platforms: Mapping[str, PlatformLimits]) -> GenerationSetup:
    return GenerationSetup(load_agent("default"), platforms, load_matching(), embedder)


@pytest.fixture
def clock() -> Callable[[], datetime]:
    """Each look at this clock is 5 ms later."""
    ticks = iter(range(10**9))
    start = datetime(2026, 1, 2, 3, tzinfo=UTC)
    return lambda: start + timedelta(milliseconds=5) * next(ticks)


@pytest.fixture(scope="session")
def make_match() -> Callable[..., Match]:
    def make(
        title: str, *, rank: int = 1, platform: str = "tiktok", lift: float = 0.5, similarity: float = 0.5
    ) -> Match:
        return Match(
            trend_id=f"trend-{title}",
            title=title,
            platform=platform,
            hashtag_id=f"{platform}:{title}",
            similarity=similarity,
            probabilities={"probability_6h": None},
            lift=lift,
            rank_score=0.5,
            rank=rank,
        )

    return make
