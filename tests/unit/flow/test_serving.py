"""Who may score live is asked anew with the champions."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import polars as pl
import pyarrow as pa
import pytest

from trenddrop.core.settings import Settings
from trenddrop.feature_store.store import STAMP
from trenddrop.flow import serving
from trenddrop.flow.serving import candidates_since, live_scoring
from trenddrop.registry import Change, ModelRegistry, ModelVersion
from trenddrop.registry.champions import install
from trenddrop.schemas import TABLES
from trenddrop.scoring import Issue, write_predictions
from trenddrop.warehouse import Warehouse

T = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Registry:
    """Models named <recipe>-<platform>, each of two versions."""

    def __init__(self) -> None:
        self.champions: dict[str, str] = {}
        self.tags: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)

    def versions(self, name: str) -> list[ModelVersion]:
        return [ModelVersion(name, number, "mark", name, tags=self.tags[name, number]) for number in ("1", "2")]

    def aliased(self, name: str, alias: str) -> ModelVersion | None:
        return next((one for one in self.versions(name) if one.version == self.champions.get(name)), None)

    def point(self, name: str, alias: str, version: str) -> None:
        self.champions[name] = version

    def tag(self, name: str, version: str, key: str, value: str) -> None:
        self.tags[name, version][key] = value

    def load(self, name: str, version: str) -> str:
        return f"{name} {version}"

    def params(self, run_id: str) -> dict[str, str]:
        platform = run_id.split("-")[1]
        return {"platform": platform, "feature_service": "service", "viral_definition_name": "top_rank"}

    def promote(self, name: str, version: str, *, hours: int) -> None:
        change = Change(at=T + timedelta(hours=hours), by="gate")
        install(cast("ModelRegistry", self), name, version, "promotion", change)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    registry = Registry()
    monkeypatch.setattr(serving, "MlflowStore", lambda settings: registry)
    monkeypatch.setattr(serving, "FeatureStoreSession", lambda settings: None)
    monkeypatch.setattr(serving, "with_newest_outcomes", lambda warehouse, model, version: model)
    return registry


def predict(wh: Warehouse, hashtag_id: str, model_name: str) -> None:
    row: dict[str, Any] = {"hashtag_id": hashtag_id, "platform": hashtag_id.split(":")[0], "event_timestamp": T}
    issue = Issue(model_name, "1", "top_rank", "service", "0", is_backtest=False)
    write_predictions(wh, pl.DataFrame([row | {"probability_6h": 0.1}]), issue, clock=lambda: T)


def label(wh: Warehouse, hashtag_id: str, *, hours: int, horizon: int = 6, definition: str = "top_rank") -> None:
    moment = T + timedelta(hours=hours)
    row = dict.fromkeys(TABLES["viral_labels"].columns) | {
        "hashtag_id": hashtag_id,
        "label_timestamp": moment,
        "prediction_window_hours": horizon,
        "viral_definition_name": definition,
        "labeling_method": "automatic",
        "platform": hashtag_id.split(":")[0],
        "matured_at": moment,
    }
    schema = TABLES["viral_labels"].ibis().to_pyarrow()
    wh.transact(lambda: wh.append("viral_labels", pa.Table.from_pylist([row], schema=schema)))


def test_each_platform_has_the_champion_of_the_model_that_predicts_it(
    settings: Settings, wh: Warehouse, registry: Registry
):
    live = live_scoring(settings, clock=lambda: T)
    registry.promote("viral-tiktok", "2", hours=0)
    assert live.champions() == {}  # no model speaks here yet
    predict(wh, "tiktok:a", "viral-tiktok")
    predict(wh, "weibo:a", "viral-weibo")  # a challenger until now
    label(wh, "tiktok:a", hours=-47)
    label(wh, "tiktok:a", hours=-48)  # its widest window is over
    (champion,) = live.champions().values()
    assert (champion.model, champion.version, champion.platform) == ("viral-tiktok 2", "2", "tiktok")
    assert champion.candidates.rows() == [("tiktok:a", T - timedelta(hours=47))]
    registry.promote("viral-weibo", "1", hours=1)
    assert {platform: one.name for platform, one in live.champions().items()} == {
        "tiktok": "viral-tiktok",
        "weibo": "viral-weibo",
    }


def test_a_model_that_was_retired_keeps_no_other_from_scoring_live(
    settings: Settings, wh: Warehouse, registry: Registry
):
    registry.point("byhand-tiktok", "champion", "1")  # without an event: before all that have one
    registry.promote("retired-tiktok", "1", hours=0)
    registry.promote("current-tiktok", "1", hours=2)
    registry.promote("retired-tiktok", "2", hours=1)
    registry.promote("elsewhere-tiktok", "1", hours=3)  # of another home
    for name in ("byhand-tiktok", "retired-tiktok", "current-tiktok"):
        predict(wh, f"tiktok:{name}", name)  # each spoke last of something
    live = live_scoring(settings, clock=lambda: T)
    assert {platform: one.name for platform, one in live.champions().items()} == {"tiktok": "current-tiktok"}


def test_candidates_are_what_can_be_labelled_as_in_the_batch(any_wh: Warehouse):
    for horizon in (6, 48):
        label(any_wh, "tiktok:a", hours=0, horizon=horizon)
    label(any_wh, "tiktok:a", hours=-1)
    label(any_wh, "tiktok:old", hours=-48)
    label(any_wh, "tiktok:b", hours=0, definition="another")
    label(any_wh, "weibo:c", hours=0)
    found = candidates_since(any_wh, "top_rank", "tiktok", T - timedelta(hours=48))
    assert sorted(found.rows()) == [("tiktok:a", T - timedelta(hours=1)), ("tiktok:a", T)]
    assert found.schema["feature_timestamp"] == STAMP  # as online features have it
