"""What the branch of the videos takes from the warehouse beside the index."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import numpy as np
import polars as pl
import pytest
import yaml

from trenddrop.core.settings import Settings, configs_folder
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
def explorer(settings: Settings) -> Settings:
    """Settings with an agent that draws at random."""
    agent = yaml.safe_load((configs_folder() / "agents" / "default.yaml").read_text())
    agent |= {"agent_id": "explorer", "temperature": 1.0}
    configs = settings.home / "configs"
    (configs / "agents").mkdir(parents=True)
    (configs / "agents" / "explorer.yaml").write_text(yaml.safe_dump(agent))
    return settings.model_copy(update={"configs": configs})


@pytest.fixture
def branch(explorer: Settings, wh: Warehouse) -> VideoBranch:
    embedder = OneDirection()
    index = ExactIndex(embedder.name, embedder.dimensions)
    words = [{"title": name, "platform": "tiktok", "hashtag_id": f"tiktok:{name}"} for name in ("pasta", "bread")]
    index.add(["pasta", "bread"], embedder.encode(["pasta", "bread"]), words)
    branch = VideoBranch(Workspace(explorer, wh, clock=lambda: T), embedder=cast("PackagedMiniLM", embedder))
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


def test_an_agent_that_draws_writes_alike_for_the_same_video(branch: VideoBranch):
    first, again = (branch.generate(VIDEO, ["tiktok", "youtube"], agent="explorer") for _ in range(2))
    assert [one.metadata for one in first] == [one.metadata for one in again]
    assert all(0 < one.propensities["cta"][one.metadata.cta] < 1 for one in first)


def test_what_was_written_for_other_videos_is_compared_with(branch: VideoBranch):
    copy = VIDEO.model_copy(update={"video_id": "copy"})
    scores = [branch.generate(video, ["tiktok"])[0].originality_score for video in (VIDEO, VIDEO, copy)]
    assert scores == [None, None, 0.0]
