"""Who may score live is asked anew with the champions."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import polars as pl
import pyarrow as pa
import pytest

from trenddrop.core.settings import Settings
from trenddrop.flow import serving
from trenddrop.flow.serving import live_scoring
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


def label(hashtag_id: str, *, hours: int, definition: str = "top_rank") -> dict[str, Any]:
    moment = T + timedelta(hours=hours)
    blank = dict.fromkeys(TABLES["viral_labels"].columns)
    return blank | {
        "hashtag_id": hashtag_id,
        "label_timestamp": moment,
        "viral_definition_name": definition,
        "labeling_method": "automatic",
        "platform": hashtag_id.split(":")[0],
        "matured_at": moment,
    }


def test_each_platform_has_the_champion_of_the_model_that_predicts_it(
    settings: Settings, wh: Warehouse, registry: Registry
):
    live = live_scoring(settings, clock=lambda: T)
    registry.promote("viral-tiktok", "2", hours=0)
    assert live.champions() == {}  # no model speaks here yet
    predict(wh, "tiktok:a", "viral-tiktok")
    predict(wh, "weibo:a", "viral-weibo")  # a challenger until now
    (champion,) = live.champions().values()
    assert (champion.model, champion.version, champion.platform) == ("viral-tiktok 2", "2", "tiktok")
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


def test_candidates_are_what_can_be_labelled_as_in_the_batch(settings: Settings, wh: Warehouse, registry: Registry):
    rows = [
        *({**label("tiktok:a", hours=0), "prediction_window_hours": horizon} for horizon in (6, 48)),
        {**label("tiktok:a", hours=-1), "prediction_window_hours": 6},
        {**label("tiktok:old", hours=-48), "prediction_window_hours": 6},  # its widest window is over
        {**label("tiktok:b", hours=0, definition="another"), "prediction_window_hours": 6},
        {**label("weibo:c", hours=0), "prediction_window_hours": 6},
    ]
    schema = TABLES["viral_labels"].ibis().to_pyarrow()
    wh.transact(lambda: wh.append("viral_labels", pa.Table.from_pylist(rows, schema=schema)))
    registry.promote("viral-tiktok", "1", hours=0)
    predict(wh, "tiktok:a", "viral-tiktok")
    (champion,) = live_scoring(settings, clock=lambda: T).champions().values()
    assert sorted(champion.candidates.rows()) == [("tiktok:a", T - timedelta(hours=1)), ("tiktok:a", T)]
    assert champion.candidates.schema["feature_timestamp"] == pl.Datetime("us", "UTC")  # as online features have it
