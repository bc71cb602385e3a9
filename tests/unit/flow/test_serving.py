"""Who may score live is asked anew with the champion."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from trenddrop.core.settings import Settings
from trenddrop.flow import serving
from trenddrop.flow.serving import live_scoring
from trenddrop.registry import ModelVersion
from trenddrop.scoring import Issue, write_predictions
from trenddrop.warehouse import Warehouse

T = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every model has a champion of version 3, trained on TikTok."""
    store = SimpleNamespace(
        aliased=lambda name, alias: ModelVersion(name, "3", "mark", "run"),
        load=lambda name, version: f"{name} {version}",
        params=lambda run_id: {"platform": "tiktok", "feature_service": "service"},
    )
    monkeypatch.setattr(serving, "MlflowStore", lambda settings: store)
    monkeypatch.setattr(serving, "FeatureStoreSession", lambda settings: None)
    monkeypatch.setattr(serving, "with_newest_outcomes", lambda warehouse, model, version: model)


def predict(wh: Warehouse, hashtag_id: str, model_name: str) -> None:
    row: dict[str, Any] = {"hashtag_id": hashtag_id, "platform": hashtag_id.split(":")[0], "event_timestamp": T}
    issue = Issue(model_name, "3", "top_rank", "service", "0", is_backtest=False)
    write_predictions(wh, pl.DataFrame([row | {"probability_6h": 0.1}]), issue, clock=lambda: T)


@pytest.mark.usefixtures("registry")
def test_the_champion_is_that_of_the_one_model_that_predicts_at_the_time_of_reading(settings: Settings, wh: Warehouse):
    live = live_scoring(settings, clock=lambda: T)
    assert live.champion() is None
    predict(wh, "tiktok:a", "viral")
    champion = live.champion()
    assert champion is not None
    assert (champion.model, champion.version, champion.platform) == ("viral 3", "3", "tiktok")
    predict(wh, "weibo:a", "another")
    assert live.champion() is None
