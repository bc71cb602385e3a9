"""Feast over the real stores: the shipped feature repository, DuckLake offline, wide SQLite rows online."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from trenddrop.core.errors import NotFoundError, SchemaError
from trenddrop.core.settings import Settings
from trenddrop.feature_store import FeatureStoreSession, apply_repo, materialize, online_features, training_frame
from trenddrop.feature_store.declarations import feature_repo_folder, read_declarations
from trenddrop.features import DEFINITIONS
from trenddrop.features.definition import FeatureDefinition
from trenddrop.schemas import TABLES
from trenddrop.warehouse import Warehouse, open_warehouse

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
SERVICE = "hashtag_viral_v1"


@pytest.fixture(scope="module")
def of_service() -> list[FeatureDefinition]:
    """The definitions of the features that the service names, in its order."""
    declared = read_declarations(feature_repo_folder(), project="trenddrop")
    (service,) = (service for service in declared.feature_services if service.name == SERVICE)
    by_name = {definition.name: definition for definition in DEFINITIONS}
    return [by_name[field.name] for view in service.feature_view_projections for field in view.features]


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


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, migrated_home: Path) -> Settings:
    """One home for the module; its tests only add to it."""
    home = tmp_path_factory.mktemp("feast") / "home"
    shutil.copytree(migrated_home, home, symlinks=True)
    return Settings(home=home, threads=2)


@pytest.fixture(scope="module")
def wh(settings: Settings) -> Iterator[Warehouse]:
    """Feature rows in the warehouse, and the shipped repository applied."""
    warehouse = open_warehouse(settings)
    warehouse.append("hashtag_features", STORED)
    assert SERVICE in apply_repo(settings)
    yield warehouse
    warehouse.close()


@pytest.fixture
def nothing_online(settings: Settings) -> None:
    """Start from an empty online store."""
    path = settings.home / "feast" / "online.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as online:
        for (table,) in online.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            online.execute(f'DELETE FROM "{table}"')


def test_a_training_frame_holds_what_was_visible(settings: Settings, wh: Warehouse, of_service):
    moments = [(hashtag, hour) for hashtag in ("tiktok:a", "tiktok:b", "tiktok:c") for hour in (0, 2.5, 4, 6, 8, 9, 26)]
    entity = entity_rows(*moments, ("tiktok:nobody", 4.0), moments[5])
    frame = training_frame(wh, settings, entity.with_columns(is_viral_6h=True), feature_service=SERVICE)
    assert frame.select(entity.columns).equals(entity)
    assert frame.columns == [*entity.columns, "is_viral_6h", *(definition.name for definition in of_service)]
    for name in (definition.name for definition in of_service):
        by_hand = [expected(STORED, hashtag, moment, name) for hashtag, moment in entity.iter_rows()]
        assert frame[name].to_list() == by_hand, name


def test_types_are_those_of_the_definitions(settings: Settings, wh: Warehouse, of_service):
    kinds = {"float64": pl.Float64, "int64": pl.Int64, "boolean": pl.Boolean, "string": pl.String}
    frame = training_frame(wh, settings, entity_rows(("tiktok:a", 1)), feature_service=SERVICE)
    online = online_features(settings, ["tiktok:nobody"], feature_service=SERVICE, moment=at(1))
    for definition in of_service:
        assert frame.schema[definition.name] == kinds[definition.dtype], definition.name
        assert online.schema[definition.name] == kinds[definition.dtype], definition.name


@pytest.mark.usefixtures("nothing_online")
def test_historical_values_equal_online_values(settings: Settings, wh: Warehouse):
    """Also when every hour is materialised on its own, and at both edges of every time to live."""
    hashtags = ["tiktok:c", "tiktok:a", "tiktok:nobody", "tiktok:b"]
    hours = [1, 4, 6.5, 8, 9, 9.999, 25, 25.001, 31, 32, 33, 33.001, 40]
    entity = entity_rows(*[(hashtag, hour) for hour in hours for hashtag in hashtags])
    historical = training_frame(wh, settings, entity, feature_service=SERVICE)
    since = -1.0
    for hour in hours:
        if hour <= 9:
            materialize(settings, start=at(since), end=at(hour), warehouse=wh)
            since = hour
        online = online_features(settings, hashtags, feature_service=SERVICE, moment=at(hour))
        at_the_moment = historical.filter(pl.col("event_timestamp") == at(hour)).drop("event_timestamp")
        assert online.drop("feature_timestamp").equals(at_the_moment), hour


@pytest.mark.usefixtures("nothing_online")
def test_online_features_say_which_hour_they_describe(settings: Settings, wh: Warehouse):
    materialize(settings, end=at(9), warehouse=wh)
    hashtags = ["tiktok:b", "tiktok:nobody", "tiktok:a", "tiktok:c"]

    def stamps(hour: float) -> list[datetime | None]:
        online = online_features(settings, hashtags, feature_service=SERVICE, moment=at(hour))
        return online["feature_timestamp"].to_list()

    assert stamps(9) == [at(7), None, at(8), at(1)]
    assert stamps(26) == [at(7), None, at(8), None]
    assert stamps(33) == [None] * 4


@pytest.mark.usefixtures("nothing_online")
def test_materialising_an_older_period_again_changes_nothing(settings: Settings, wh: Warehouse):
    materialize(settings, end=at(9))
    before = online_features(settings, ["tiktok:a", "tiktok:b"], feature_service=SERVICE, moment=at(9))
    materialize(settings, start=at(0), end=at(4))
    assert online_features(settings, ["tiktok:a", "tiktok:b"], feature_service=SERVICE, moment=at(9)).equals(before)


def test_feasts_own_online_read_agrees_and_drops_the_dead(settings: Settings, wh: Warehouse):
    from trenddrop.feature_store.access import reading_at

    materialize(settings, end=at(9), warehouse=wh)
    session = FeatureStoreSession(settings)
    service = session.feast.get_feature_service(SERVICE)
    for hour in (9, 12, 40):
        ours = session.online_features(["tiktok:a", "tiktok:b"], feature_service=SERVICE, moment=at(hour))
        with reading_at(at(hour)):
            rows = [{"hashtag_id": "tiktok:a"}, {"hashtag_id": "tiktok:b"}]
            theirs = session.feast.get_online_features(features=service, entity_rows=rows).to_dict()
        assert {name: ours[name].to_list() for name in ours.columns if name != "feature_timestamp"} == theirs


def test_an_unknown_service_names_the_known_ones(settings: Settings, wh: Warehouse):
    with pytest.raises(NotFoundError, match=f"no_such_service.*known: .*{SERVICE}"):
        training_frame(wh, settings, entity_rows(), feature_service="no_such_service")


def test_a_home_that_was_never_applied_says_so(tmp_path: Path):
    with pytest.raises(NotFoundError, match="not applied; known: none"):
        online_features(Settings(home=tmp_path), ["tiktok:a"], feature_service=SERVICE, moment=at(1))


def test_a_session_notices_what_others_applied_and_materialised(settings: Settings, wh: Warehouse):
    session = FeatureStoreSession(settings)
    session.online_features(["tiktok:a"], feature_service=SERVICE, moment=at(9))
    apply_repo(settings)
    materialize(settings, end=at(9), warehouse=wh)
    online = session.online_features(["tiktok:a"], feature_service=SERVICE, moment=at(9))
    assert online["platform_list_size"].is_not_null().any() or online["velocity"].is_not_null().any()


def test_entity_rows_must_not_hold_features_already(settings: Settings, wh: Warehouse):
    with pytest.raises(SchemaError, match=r"already hold features \['velocity'\]"):
        training_frame(wh, settings, entity_rows().with_columns(velocity=1.0), feature_service=SERVICE)


def test_no_entity_rows_give_an_empty_frame(settings: Settings, wh: Warehouse, of_service):
    frame = training_frame(wh, settings, entity_rows(), feature_service=SERVICE)
    assert frame.is_empty()
    assert {definition.name for definition in of_service} <= set(frame.columns)
    assert online_features(settings, [], feature_service=SERVICE, moment=at(1)).is_empty()


def test_applying_twice_keeps_what_is_online(settings: Settings, wh: Warehouse):
    materialize(settings, end=at(9), warehouse=wh)
    before = online_features(settings, ["tiktok:a"], feature_service=SERVICE, moment=at(9))
    apply_repo(settings)
    assert online_features(settings, ["tiktok:a"], feature_service=SERVICE, moment=at(9)).equals(before)


def test_library_functions_print_nothing(settings: Settings, wh: Warehouse, capfd: pytest.CaptureFixture[str]):
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


def test_a_training_frame_can_be_repeated_at_its_snapshot(settings: Settings, wh: Warehouse):
    entity = entity_rows(("tiktok:x", 8.0), ("tiktok:y", 9.0))
    before, snapshot = training_frame(wh, settings, entity, feature_service=SERVICE), wh.snapshot_id()
    wh.append("hashtag_features", feature_rows(("tiktok:x", 8, 8), ("tiktok:y", 9, 9), seed=1))
    assert not training_frame(wh, settings, entity, feature_service=SERVICE).equals(before)
    assert training_frame(wh, settings, entity, feature_service=SERVICE, snapshot=snapshot).equals(before)
