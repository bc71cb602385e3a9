"""What the branch of the videos takes from the warehouse beside the index."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import numpy as np
import polars as pl
import pytest

from trenddrop.core.settings import Settings
from trenddrop.embeddings import PackagedMiniLM
from trenddrop.embeddings.embedder import Vectors
from trenddrop.flow import Workspace
from trenddrop.flow.videos import VideoBranch
from trenddrop.index import ExactIndex
from trenddrop.matching import Video
from trenddrop.scoring import Issue, write_predictions
from trenddrop.warehouse import Warehouse

T = datetime(2026, 1, 1, 12, tzinfo=UTC)
VIDEO = Video(video_id="v", caption="pasta")


class OneDirection:
    """All texts are alike."""

    name = "one"
    dimensions = 1

    def encode(self, texts: list[str]) -> Vectors:
        return np.ones((len(texts), 1), dtype=np.float32)


@pytest.fixture
def branch(settings: Settings, wh: Warehouse) -> VideoBranch:
    embedder = OneDirection()
    index = ExactIndex(embedder.name, embedder.dimensions)
    words = [{"title": name, "platform": "tiktok", "hashtag_id": f"tiktok:{name}"} for name in ("pasta", "bread")]
    index.add(["pasta", "bread"], embedder.encode(["pasta", "bread"]), words)
    branch = VideoBranch(Workspace(settings, wh, clock=lambda: T), embedder=cast("PackagedMiniLM", embedder))
    index.save(branch.index_folder())
    return branch


def predict(wh: Warehouse, hashtag_id: str, hours: int, probability: float) -> None:
    row: dict[str, Any] = {
        "hashtag_id": hashtag_id,
        "platform": "tiktok",
        "event_timestamp": T + timedelta(hours=hours),
    }
    scores = pl.DataFrame([row | {"probability_6h": probability, "probability_48h": probability}])
    issue = Issue("viral", "3", "top_rank", "service", "0", is_backtest=False)
    write_predictions(wh, scores, issue, clock=lambda: T)


def test_a_video_is_matched_by_what_is_said_of_windows_that_are_open(branch: VideoBranch, wh: Warehouse):
    predict(wh, "tiktok:pasta", 0, 0.9)
    predict(wh, "tiktok:bread", 6, 0.3)
    found = {one.title: one for one in branch.match(VIDEO)}
    said = {
        name: (one.probabilities["probability_6h"], one.probabilities["probability_48h"]) for name, one in found.items()
    }
    assert said == {"pasta": (None, 0.9), "bread": (0.3, 0.3)}
    predict(wh, "tiktok:bread", 48, 0.3)
    assert {one.title: one.probabilities["probability_48h"] for one in branch.match(VIDEO)} == {
        "pasta": None,
        "bread": 0.3,
    }
