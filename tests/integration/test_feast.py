"""Feast over the real stores: the shipped feature repository, DuckLake offline, wide SQLite rows online."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from trenddrop.core.errors import NotFoundError, SchemaError
from trenddrop.core.settings import Settings
from trenddrop.feature_store import FeatureStoreSession, apply_repo, materialize, online_features, training_frame
from trenddrop.features import DEFINITIONS
from trenddrop.schemas import TABLES
from trenddrop.warehouse import Warehouse

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
SERVICE = "hashtag_viral_v1"
FEATURES = [definition.name for definition in DEFINITIONS]


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def feature_rows(*moments: tuple[str, float, float], seed: int = 0) -> pl.DataFrame:
    """Rows of `hashtag_features` for (hashtag, hour, hour of creation), every value drawn, some of them null."""
    rng = np.random.default_rng(seed)
    n = len(moments)
    columns: dict[str, object] = {
        "hashtag_id": [hashtag for hashtag, _, _ in moments],
        "feature_timestamp": [at(hour) for _, hour, _ in moments],
        "created_timestamp": [at(created) for _, _, created in moments],
        "platform": ["tiktok"] * n,
        "feature_window_hours": [24] * n,
    }
    for name, dtype in TABLES["hashtag_features"].columns.items():
        if name in columns:
            continue
        values: list[object] = {
            "float64": lambda: rng.normal(size=n).tolist(),
            "int64": lambda: rng.integers(0, 24, n).tolist(),
            "boolean": lambda: (rng.random(n) < 0.5).tolist(),
            "string": lambda: [f'{{"VN": {share}}}' for share in rng.random(n)],
        }[dtype.lstrip("!")]()
        columns[name] = [None if rng.random() < 0.2 else value for value in values]
    frame = pl.DataFrame(columns, strict=False, infer_schema_length=None)
    return frame.with_columns(pl.col("feature_timestamp", "created_timestamp").cast(pl.Datetime("us", "UTC")))


def entity_rows(*rows: tuple[str, float]) -> pl.DataFrame:
    return pl.DataFrame(
        [(hashtag, at(hour)) for hashtag, hour in rows],
        schema={"hashtag_id": pl.String, "event_timestamp": pl.Datetime("us", "UTC")},
        orient="row",
    )


def expected(stored: pl.DataFrame, hashtag: str, moment: datetime, feature: str) -> object:
    """The value by the rules, found by hand."""
    hours = 24 if next(d.group for d in DEFINITIONS if d.name == feature) != "F" else 1
    visible = stored.filter(
        (pl.col("hashtag_id") == hashtag)
        & (pl.col("feature_timestamp") <= moment)
        & (pl.col("created_timestamp") <= moment)
    ).sort("feature_timestamp", "created_timestamp")
    if visible.is_empty():
        return None
    row = visible.row(-1, named=True)
    age = moment - row["feature_timestamp"]
    return row[feature] if (age <= timedelta(hours=hours) if hours > 1 else age < HOUR) else None


STORED = feature_rows(
    *[("tiktok:a", hour, hour) for hour in range(1, 9)],
    *[("tiktok:b", hour, hour) for hour in (2, 5)],
    ("tiktok:b", 3, 6),  # late, and older than what is known by then
    ("tiktok:b", 7, 9),  # late, and the newest when it comes
    ("tiktok:b", 2, 4),  # a later version of a row that was known
    ("tiktok:c", 1, 1),
)


@pytest.fixture
def stored(settings: Settings, wh: Warehouse) -> pl.DataFrame:
    """Feature rows in the warehouse, and the shipped repository applied."""
    wh.append("hashtag_features", STORED)
    assert SERVICE in apply_repo(settings)
    return STORED


def test_a_training_frame_holds_what_was_visible(settings: Settings, wh: Warehouse, stored: pl.DataFrame):
    moments = [(hashtag, hour) for hashtag in ("tiktok:a", "tiktok:b", "tiktok:c") for hour in (0, 2.5, 4, 6, 8, 9, 26)]
    entity = entity_rows(*moments, ("tiktok:nobody", 4.0), moments[5])
    frame = training_frame(wh, settings, entity.with_columns(is_viral_6h=True), feature_service=SERVICE)
    assert frame.select(entity.columns).equals(entity)
    assert frame.columns == [*entity.columns, "is_viral_6h", *FEATURES]
    for feature in FEATURES:
        by_hand = [expected(stored, hashtag, moment, feature) for hashtag, moment in entity.iter_rows()]
        assert frame[feature].to_list() == by_hand, feature


def test_types_are_those_of_the_definitions(settings: Settings, wh: Warehouse, stored: pl.DataFrame):
    kinds = {"float64": pl.Float64, "int64": pl.Int64, "boolean": pl.Boolean, "string": pl.String}
    frame = training_frame(wh, settings, entity_rows(("tiktok:a", 1)), feature_service=SERVICE)
    online = online_features(settings, ["tiktok:nobody"], feature_service=SERVICE, moment=at(1))
    for definition in DEFINITIONS:
        assert frame.schema[definition.name] == kinds[definition.dtype], definition.name
        assert online.schema[definition.name] == kinds[definition.dtype], definition.name


def test_a_training_frame_can_be_repeated_at_its_snapshot(settings: Settings, wh: Warehouse, stored: pl.DataFrame):
    entity = entity_rows(("tiktok:a", 8.0), ("tiktok:b", 9.0))
    before, snapshot = training_frame(wh, settings, entity, feature_service=SERVICE), wh.snapshot_id()
    wh.append("hashtag_features", feature_rows(("tiktok:a", 8, 8), ("tiktok:b", 9, 9), seed=1))
    assert not training_frame(wh, settings, entity, feature_service=SERVICE).equals(before)
    assert training_frame(wh, settings, entity, feature_service=SERVICE, snapshot=snapshot).equals(before)


@pytest.mark.parametrize("hour", [4, 6.5, 7.999, 8, 9, 25.5, 32, 33, 40])
def test_historical_values_equal_online_values(
    settings: Settings, wh: Warehouse, stored: pl.DataFrame, hour: float
):
    hashtags = ["tiktok:c", "tiktok:a", "tiktok:nobody", "tiktok:b"]
    materialize(settings, start=at(-1), end=at(hour), warehouse=wh)
    online = online_features(settings, hashtags, feature_service=SERVICE, moment=at(hour))
    entity = entity_rows(*[(hashtag, hour) for hashtag in hashtags])
    historical = training_frame(wh, settings, entity, feature_service=SERVICE)
    assert online.equals(historical.drop("event_timestamp"))


def test_materialising_hour_by_hour_equals_all_at_once(settings: Settings, wh: Warehouse, stored: pl.DataFrame):
    for hour in range(9):
        materialize(settings, start=at(hour), end=at(hour + 1), warehouse=wh)
    online = online_features(settings, ["tiktok:a", "tiktok:b"], feature_service=SERVICE, moment=at(9))
    entity = entity_rows(("tiktok:a", 9), ("tiktok:b", 9))
    assert online.equals(training_frame(wh, settings, entity, feature_service=SERVICE).drop("event_timestamp"))


def test_materialising_an_older_period_again_changes_nothing(settings: Settings, wh: Warehouse, stored: pl.DataFrame):
    materialize(settings, end=at(9))
    before = online_features(settings, ["tiktok:a", "tiktok:b"], feature_service=SERVICE, moment=at(9))
    materialize(settings, start=at(0), end=at(4))
    assert online_features(settings, ["tiktok:a", "tiktok:b"], feature_service=SERVICE, moment=at(9)).equals(before)


def test_feasts_own_online_read_agrees_and_drops_the_dead(settings: Settings, wh: Warehouse, stored: pl.DataFrame):
    from trenddrop.feature_store.access import reading_at

    materialize(settings, end=at(9), warehouse=wh)
    session = FeatureStoreSession(settings)
    service = session.feast.get_feature_service(SERVICE)
    for hour in (9, 12, 40):
        ours = session.online_features(["tiktok:a", "tiktok:b"], feature_service=SERVICE, moment=at(hour))
        with reading_at(at(hour)):
            rows = [{"hashtag_id": "tiktok:a"}, {"hashtag_id": "tiktok:b"}]
            theirs = session.feast.get_online_features(features=service, entity_rows=rows).to_dict()
        assert {name: ours[name].to_list() for name in ours.columns} == theirs


def test_an_unknown_service_names_the_known_ones(settings: Settings, wh: Warehouse, stored: pl.DataFrame):
    with pytest.raises(NotFoundError, match=f"no_such_service.*known: {SERVICE}"):
        training_frame(wh, settings, entity_rows(), feature_service="no_such_service")


def test_entity_rows_must_not_hold_features_already(settings: Settings, wh: Warehouse, stored: pl.DataFrame):
    with pytest.raises(SchemaError, match=r"already hold features \['velocity'\]"):
        training_frame(wh, settings, entity_rows().with_columns(velocity=1.0), feature_service=SERVICE)


def test_no_entity_rows_give_an_empty_frame(settings: Settings, wh: Warehouse, stored: pl.DataFrame):
    frame = training_frame(wh, settings, entity_rows(), feature_service=SERVICE)
    assert frame.is_empty()
    assert set(FEATURES) <= set(frame.columns)
    assert online_features(settings, [], feature_service=SERVICE, moment=at(1)).is_empty()


def test_applying_twice_keeps_what_is_online(settings: Settings, wh: Warehouse, stored: pl.DataFrame):
    materialize(settings, end=at(9), warehouse=wh)
    before = online_features(settings, ["tiktok:a"], feature_service=SERVICE, moment=at(9))
    apply_repo(settings)
    assert online_features(settings, ["tiktok:a"], feature_service=SERVICE, moment=at(9)).equals(before)


def test_library_functions_print_nothing(
    settings: Settings, wh: Warehouse, stored: pl.DataFrame, capfd: pytest.CaptureFixture[str]
):
    apply_repo(settings)
    training_frame(wh, settings, entity_rows(("tiktok:a", 1)), feature_service=SERVICE)
    materialize(settings, end=at(9), warehouse=wh)
    online_features(settings, ["tiktok:a"], feature_service=SERVICE, moment=at(9))
    assert capfd.readouterr() == ("", "")


def test_feast_apply_works_from_any_directory(settings: Settings, tmp_path: Path):
    from trenddrop.feature_store.declarations import feature_repo_folder

    feast = Path(sys.executable).with_name("feast")
    environment = os.environ | {"TRENDDROP_HOME": str(settings.home)}
    command = [feast, "-c", os.path.relpath(feature_repo_folder(), tmp_path), "apply"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "hashtag_growth" in done.stdout
    session = FeatureStoreSession(settings)
    assert SERVICE in {service.name for service in session.feast.list_feature_services()}
    assert {path.name for path in (settings.home / "feast").iterdir()} >= {"registry.db", "online.sqlite"}


@pytest.mark.parametrize(("home", "fault"), [(None, "not set"), ("var", "absolute path")])
def test_feast_says_what_a_home_must_be(home: str | None, fault: str, monkeypatch: pytest.MonkeyPatch):
    from feast.repo_config import FeastConfigError, load_repo_config

    from trenddrop.feature_store.declarations import feature_repo_folder

    monkeypatch.delenv("TRENDDROP_HOME", raising=False)
    if home is not None:
        monkeypatch.setenv("TRENDDROP_HOME", home)
    with pytest.raises(FeastConfigError, match=fault):
        load_repo_config(feature_repo_folder(), feature_repo_folder() / "feature_store.yaml")
