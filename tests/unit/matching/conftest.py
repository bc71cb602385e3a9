from datetime import UTC, datetime

import pytest

from trenddrop.embeddings import PackagedMiniLM


@pytest.fixture(scope="session")
def embedder() -> PackagedMiniLM:
    return PackagedMiniLM()


@pytest.fixture
def clock():
    return lambda: datetime(2026, 1, 2, 3, tzinfo=UTC)
