"""What the stages of the flow hand to the library: the moment at which quality is judged."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from trenddrop.core.errors import QualityError
from trenddrop.features.registry import FEATURE_SETS
from trenddrop.flow import Workspace
from trenddrop.flow.features import newest_hours
from trenddrop.flow.stages import (
    build_all_features,
    check_quality,
    measure_quality,
    newest_event,
    newest_features,
    newest_hour,
)
from trenddrop.quality import Check

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
NEWEST = ("newest_hashtag_observation", "newest_hashtag_metrics")


@pytest.fixture
def workspace(settings, wh) -> Workspace:
    return Workspace(settings, wh, clock=lambda: NOW)


def take_in(workspace: Workspace, *moments: datetime) -> None:
    """Write one hashtag with an observation and an hourly row at each of the moments."""
    count, wh = range(1, len(moments) + 1), workspace.warehouse
    shared = {"hashtag_id": "t:a", "platform": "tiktok", "view_count": count}
    observed = {"observed_at": moments, "fetched_at": moments, "batch_id": "b"}
    hourly = {"timestamp": moments, "created_timestamp": moments, "window_duration_minutes": 60}
    flags = {"is_gap": False, "is_reset": False}
    wh.append("hashtag_observations", pl.DataFrame(shared | observed))
    wh.append("hashtag_metrics", pl.DataFrame(shared | hourly | flags).cast({"view_count": pl.Float64}))
    tag = {"hashtag_id": "t:a", "name": "a", "status": "active", "platform": "tiktok", "trend_type": "hashtag"}
    wh.append("hashtags", pl.DataFrame(tag | {"first_seen_at": moments[:1], "last_updated_at": moments[:1]}))


def found(checks: list[Check], *names: str) -> list[tuple]:
    return [(check.severity, check.failed) for check in checks if check.name in names]


def test_a_live_feed_that_stands_still_is_stale_and_the_same_data_as_an_archive_are_not(workspace):
    take_in(workspace, NOW - 101 * HOUR, NOW - 100 * HOUR)
    assert found(measure_quality(workspace, now=NOW), *NEWEST) == [("critical", 2)] * 2
    with pytest.raises(QualityError, match=r"staleness 100\.0 h .* \[rule newest_hashtag_metrics\]"):
        check_quality(workspace, now=NOW)
    assert found(check_quality(workspace), *NEWEST) == [("low", 0)] * 2


def test_a_live_feed_that_moves_is_fresh(workspace):
    take_in(workspace, NOW - HOUR, NOW)
    assert found(check_quality(workspace, now=NOW + 2 * HOUR), *NEWEST) == [("low", 0)] * 2


def test_an_observation_in_the_future_is_told_and_does_not_become_the_present(workspace):
    take_in(workspace, NOW - 101 * HOUR, NOW - 100 * HOUR, datetime(2030, 1, 1, tzinfo=UTC))
    for now, expected in ((None, ("low", 0)), (NOW, ("critical", 3))):
        checks = measure_quality(workspace, now=now)
        assert found(checks, "observation_times") == [("critical", 1)]
        assert found(checks, *NEWEST) == [expected] * 2
    assert newest_event(workspace) == NOW - 100 * HOUR


def test_the_newest_hour_of_features_has_ended_and_is_no_wrong_date(workspace):
    """At ten past the hour the row of the hour that goes on knows ten minutes of it, of few hashtags."""
    take_in(workspace, NOW - HOUR, NOW, NOW + HOUR, datetime(2030, 1, 1, tzinfo=UTC))
    build_all_features(workspace, "tiktok")
    assert workspace.warehouse.table("hashtag_features").count().to_pyarrow().as_py() == 4
    assert newest_hour(workspace, "tiktok") == NOW
    assert newest_features(workspace, "tiktok", hours=2)["feature_timestamp"].to_list() == [NOW]
    assert newest_hours(workspace, FEATURE_SETS[0], "tiktok") == [("tiktok", NOW)]
