"""What jobs record of their stages, and what the doctor says of them."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from trenddrop.core.errors import EngineError
from trenddrop.flow import Workspace
from trenddrop.flow.doctor import service_level_findings
from trenddrop.flow.latency import recorded_job
from trenddrop.flow.workspace import StageRecord
from trenddrop.schemas import TABLES

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)


@pytest.fixture
def workspace(settings, wh) -> Workspace:
    return Workspace(settings, wh, clock=lambda: NOW)


def stage(name: str, *, ago_s: float, seconds: float) -> StageRecord:
    return StageRecord(name, NOW - timedelta(seconds=ago_s), seconds=seconds, rows=5)


def batch(workspace: Workspace, batch_id: str, *, ago_s: float) -> None:
    texts = dict.fromkeys(("entity_type", "status", "source_system", "source_uri", "content_hash"), "x")
    counts = dict.fromkeys(("total_records", "processed_records", "failed_records", "duplicate_records"), 1)
    row = texts | counts | {"batch_id": batch_id, "created_at": NOW - timedelta(seconds=ago_s)}
    workspace.warehouse.append("ingestion_batches", pl.DataFrame([row]))


def recorded(workspace: Workspace) -> list[tuple]:
    rows = workspace.warehouse.table("processing_latency").to_polars().sort("process_name", "start_timestamp")
    return rows.select("process_name", "latency_seconds", "status", "sla_met").rows()


def run_stages(workspace: Workspace, *stages: StageRecord) -> None:
    workspace.stages.clear()
    with recorded_job(workspace, "job"):
        workspace.stages.extend(stages)


def test_a_job_records_its_stages_by_the_names_of_the_service_levels_and_no_whole(workspace):
    run_stages(workspace, stage("ingest", ago_s=200, seconds=150), stage("normalize", ago_s=50, seconds=20))
    assert recorded(workspace) == [("normalized", 20.0, "success", True), ("staging", 150.0, "success", False)]


def test_a_prediction_closes_the_newest_batch_once(workspace):
    batch(workspace, "older", ago_s=5000)
    batch(workspace, "newer", ago_s=600)
    run_stages(workspace, stage("predict", ago_s=100, seconds=40))
    whole = ("end_to_end", 540.0, "success", True)
    assert recorded(workspace)[0] == whole
    workspace.clock = lambda: NOW + timedelta(hours=1)
    run_stages(workspace, stage("predict", ago_s=-3600, seconds=40))  # the same batch an hour later
    assert [row for row in recorded(workspace) if row[0] == "end_to_end"] == [whole]
    batch(workspace, "newest", ago_s=50)
    run_stages(workspace, stage("predict", ago_s=-2000, seconds=10))
    assert [row[1:] for row in recorded(workspace) if row[0] == "end_to_end"][-1] == (2060.0, "success", False)


def test_a_failing_job_records_its_failure_and_raises_its_own_fault(workspace):
    with pytest.raises(EngineError, match="lost"), recorded_job(workspace, "job"), workspace.stage("features"):
        raise EngineError("lost")
    assert [(name, status, met) for name, _, status, met in recorded(workspace)] == [("features", "failure", False)]


def test_the_doctor_says_of_each_stage_whether_it_keeps_its_level_and_what_to_do(workspace):
    run_stages(workspace, stage("features", ago_s=700, seconds=650), stage("predict", ago_s=60, seconds=5))
    workspace.clock = lambda: NOW + timedelta(days=1)
    found = {one.question.split()[-1]: one for one in service_level_findings(workspace)}
    assert list(found) == ["staging", "normalized", "features", "predictions", "end_to_end"]
    assert (found["staging"].is_well, found["predictions"].is_well, found["features"].is_well) == (None, True, False)
    assert found["features"].answer.startswith("0% of 1 within 600 s, slowest 650.0 s (target 90%); ")
    assert "trailing_hours" in found["features"].answer
    workspace.clock = lambda: NOW + timedelta(days=8)  # what was slow last week is no illness of today
    assert {one.is_well for one in service_level_findings(workspace)} == {None}


def test_every_column_of_a_latency_row_is_written(workspace):
    run_stages(workspace, stage("features", ago_s=7, seconds=6))
    table = workspace.warehouse.table("processing_latency").to_polars()
    assert table.null_count().row(0) == (0,) * len(TABLES["processing_latency"].columns)
