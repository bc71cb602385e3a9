"""The whole flow on ClickHouse gives what it gives on DuckLake: floats to 1e-9, nulls exactly."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from trenddrop.core.settings import ClickHouseSettings, Settings
from trenddrop.flow.run import RunRequest, RunResult, run
from trenddrop.flow.training import repeat_training_frame
from trenddrop.flow.workspace import Workspace
from trenddrop.schemas import TABLES, raw_data
from trenddrop.training.record import flat_metrics
from trenddrop.warehouse import Warehouse, open_warehouse

COMPARED = (
    "hashtag_observations", "video_observations", "creator_observations", "sound_observations", "hashtags", "videos",
    "creators", "sounds", "trend_topics", "hashtag_metrics", "hashtag_features", "viral_labels", "predictions",
    "data_quality_checks", "feature_definitions", "feature_quality", "ingestion_batches", raw_data("tiktok").name,
)  # fmt: skip
COUNTS = (
    "raw_records", "processed", "failed", "duplicates", "hashtags", "metric_rows", "feature_rows", "label_rows",
    "positives", "unknown_labels", "prediction_rows",
)  # fmt: skip


def run_on(warehouse: Warehouse, settings: Settings, world) -> RunResult:
    request = RunRequest(
        source="tiktok_records",
        inputs=world.files,
        model=str(world.recipe),
        test_from=datetime.fromisoformat(world.test_from).replace(tzinfo=UTC),
    )
    return run(Workspace(settings, warehouse), request)


@pytest.fixture
def on_clickhouse(migrated_clickhouse, tmp_path: Path) -> tuple[Warehouse, Settings]:
    database = migrated_clickhouse.backend.con.database
    interface = ClickHouseSettings(interface="chdb", database=database)
    return migrated_clickhouse, Settings(
        home=tmp_path / "clickhouse", engine="clickhouse", clickhouse=interface, threads=2
    )


def comparable(warehouse: Warehouse, name: str) -> pl.DataFrame:
    """Return the rows in a fixed order, without what holds the time of the run."""
    schema = TABLES.get(name) or raw_data("tiktok")
    frame = pl.DataFrame(pl.from_arrow(warehouse.table(name).to_pyarrow()))
    frame = frame.select(sorted(set(schema.columns) - schema.clock_columns))
    plain = [column for column, dtype in frame.schema.items() if not dtype.is_nested() and not dtype.is_float()]
    keys = [column for column in schema.key if column in plain]
    return frame.sort(keys or plain)


@pytest.fixture
def on_ducklake(ran, tmp_path: Path) -> Iterator[tuple[Warehouse, Settings]]:
    settings = ran.copy(tmp_path / "ducklake")
    with closing(open_warehouse(settings)) as warehouse:
        yield warehouse, settings


@pytest.mark.slow
def test_the_engines_agree(ran, on_ducklake, on_clickhouse, world):
    (wh, settings), (other, other_settings) = on_ducklake, on_clickhouse
    here, there = ran.result, run_on(other, other_settings, world)
    assert {name: there.document[name] for name in COUNTS} == {name: here.document[name] for name in COUNTS}
    different = {}
    for name in COMPARED:
        expected, found = comparable(wh, name), comparable(other, name)
        assert found.height == expected.height > 0, name
        try:
            assert_frame_equal(found, expected, abs_tol=1e-9, rel_tol=1e-9)
        except AssertionError as error:
            different[name] = str(error)[:600]
    assert not different
    figures = [flat_metrics(result.trained.result.metrics) for result in (here, there)]
    assert figures[1] == pytest.approx(figures[0], rel=1e-9, nan_ok=True)
    again = run_on(other, other_settings, world)  # on the engine that has no transactions of its own
    assert again.document["duplicates"] == again.document["raw_records"] == there.document["raw_records"]
    for name in COMPARED:
        assert_frame_equal(comparable(other, name), comparable(wh, name), abs_tol=1e-9, rel_tol=1e-9)
    for warehouse, its_settings, result in ((wh, settings, here), (other, other_settings, there)):
        pinned = result.trained.result  # the second run changed nothing that the first one read
        workspace = Workspace(its_settings, warehouse)
        frame = repeat_training_frame(workspace, result.definition, pinned.run.run_id)
        assert frame.height >= pinned.split.train.height + pinned.split.test.height > 0
