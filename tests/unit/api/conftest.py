"""The endpoint over a service made of plain values."""

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from fastapi.testclient import TestClient

from trenddrop.api import create_app
from trenddrop.api.contract import HashtagScore, Trend
from trenddrop.embeddings import PackagedMiniLM
from trenddrop.matching import Match
from trenddrop.metadata.generator import Generation, Metadata

NOW = datetime(2026, 1, 2, 3, tzinfo=UTC)


@pytest.fixture(scope="session")
def embedder() -> PackagedMiniLM:
    return PackagedMiniLM()


def a_score(hashtag_id="tiktok:pasta") -> HashtagScore:
    probabilities = {"probability_6h": 0.1, "probability_12h": 0.2, "probability_24h": None, "probability_48h": 0.4}
    intervals = {"low_6h": 0.05, "high_6h": 0.2, "low_12h": None, "high_12h": None}
    peak = {"hours_to_peak_low": 1.0, "hours_to_peak": 3.0, "hours_to_peak_high": 9.5, "peak_views": None}
    reasons = [{"feature": "velocity", "value": 2.0}]
    return HashtagScore(hashtag_id, probabilities, reasons, NOW, "viral", "7", intervals, peak)


def a_match() -> Match:
    return Match("t1", "pasta", "tiktok", "tiktok:pasta", 0.7, {"probability_6h": 0.1}, 0.6, 0.65, 1)


def a_generation(video, platform) -> Generation:
    metadata = Metadata(platform, "Title", "Description", ("#pasta",), "Follow!", ("t1",))
    return Generation("g1", video.identity, "default", metadata, "Title\n\nFollow!", {}, {}, 0.8, None, 5.0, NOW)


@pytest.fixture
def service() -> SimpleNamespace:
    """Answers with fixed values; tests replace what they need."""
    return SimpleNamespace(
        warm_up=lambda: None,
        close=lambda: None,
        score=lambda ids: {"tiktok:pasta": a_score()} if "tiktok:pasta" in ids else {},
        top_trends=lambda **_: [Trend(a_score(), "tiktok", "pasta", "hashtag")],
        match=lambda video, platform: [a_match()],
        generate=lambda video, platforms, agent: [a_generation(video, platform) for platform in platforms],
    )


@pytest.fixture
def client(service) -> TestClient:
    return TestClient(create_app(service), raise_server_exceptions=False)


@pytest.fixture
def raising() -> Callable[[Exception], Callable[..., None]]:
    def make(error: Exception) -> Callable[..., None]:
        def fail(*_: object, **__: object) -> None:
            raise error

        return fail

    return make
