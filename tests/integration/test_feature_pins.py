"""A training run pins its feature views and its snapshot, and is repeated bit for bit, on both engines."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from trenddrop.core.errors import SchemaError
from trenddrop.core.settings import Settings
from trenddrop.feature_store import FeatureStoreSession, Pins
from trenddrop.feature_store.access import lend
from trenddrop.warehouse import Warehouse

SERVICE = "hashtag_viral_v1"
STAMP = pl.Datetime("us", "UTC")
START = datetime(2026, 1, 1, tzinfo=UTC)


def rows(*moments: tuple[str, int, int, float]) -> pl.DataFrame:
    """Rows of (hashtag, hour, hour of creation, velocity)."""
    return pl.DataFrame(
        [
            {
                "hashtag_id": hashtag,
                "platform": "tiktok",
                "feature_timestamp": START + timedelta(hours=hour),
                "created_timestamp": START + timedelta(hours=created),
                "feature_window_hours": 24,
                "velocity": velocity,
            }
            for hashtag, hour, created, velocity in moments
        ],
        schema_overrides={"feature_timestamp": STAMP, "created_timestamp": STAMP},
    )


ENTITY = pl.DataFrame(
    {"hashtag_id": ["tiktok:b", "tiktok:a", "tiktok:a", "tiktok:c"], "event_timestamp": [START + timedelta(hours=h) for h in (4, 3, 5, 9)]},
    schema_overrides={"event_timestamp": STAMP},
)  # fmt: skip


@pytest.fixture
def session(any_wh: Warehouse, settings: Settings) -> FeatureStoreSession:
    any_wh.append("hashtag_features", rows(("tiktok:a", 1, 1, 0.1), ("tiktok:a", 4, 4, 0.7), ("tiktok:b", 2, 2, -0.3)))
    session = FeatureStoreSession(settings)
    with lend(any_wh):
        session.apply()
    return session


@pytest.fixture
def pins(session: FeatureStoreSession, any_wh: Warehouse) -> Pins:
    snapshot = any_wh.snapshot_id()
    frame = session.training_frame(any_wh, ENTITY, feature_service=SERVICE, snapshot=snapshot)
    assert frame["velocity"].to_list() == [-0.3, 0.1, 0.7, None]
    return Pins.from_json(session.pin(frame, feature_service=SERVICE, snapshot=snapshot).as_json())


def test_later_rows_do_not_change_a_repeated_frame(session: FeatureStoreSession, any_wh: Warehouse, pins: Pins):
    any_wh.append("hashtag_features", rows(("tiktok:b", 4, 4, 9.0), ("tiktok:a", 1, 2, 8.0)))  # visible at old moments
    now = session.training_frame(any_wh, ENTITY, feature_service=SERVICE)
    assert now["velocity"].to_list() == [9.0, 8.0, 0.7, None]
    again = session.repeat_frame(any_wh, ENTITY, pins)
    assert again["velocity"].to_list() == [-0.3, 0.1, 0.7, None]


def test_a_view_that_changed_since_is_named(session: FeatureStoreSession, any_wh: Warehouse, pins: Pins):
    growth = session.feast.get_feature_view("hashtag_growth")
    growth.ttl = timedelta(hours=2)
    with lend(any_wh):
        session.feast.apply([growth])
    with pytest.raises(SchemaError, match=r"cannot repeat the run.*hashtag_growth: ttl_s was 86400.0, is 7200.0"):
        session.repeat_frame(any_wh, ENTITY, pins)


def test_a_definition_of_a_new_version_is_named(session: FeatureStoreSession, any_wh: Warehouse, pins: Pins):
    service = session.feast.get_feature_service(SERVICE)
    service.feature_view_projections[0].features[0].tags["version"] = "2"
    with lend(any_wh):
        session.feast.apply([service])
    with pytest.raises(SchemaError, match=r"hashtag_growth\.features: \w+ was \w+ v1, is \w+ v2"):
        session.repeat_frame(any_wh, ENTITY, pins)


def test_other_entity_rows_are_no_repetition(session: FeatureStoreSession, any_wh: Warehouse, pins: Pins):
    with pytest.raises(SchemaError, match="give the entity rows of the run, in their order"):
        session.repeat_frame(any_wh, ENTITY.reverse(), pins)
