"""What jobs record of their stages, and what the doctor says of them."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from trenddrop.core.errors import EngineError
from trenddrop.flow import Workspace
from trenddrop.flow.doctor import service_level_findings
from trenddrop.flow.latency import record_run, recorded_job
from trenddrop.flow.workspace import StageRecord
from trenddrop.schemas import TABLES

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)


@pytest.fixture
def workspace(settings, wh) -> Workspace:
    return Workspace(settings, wh, clock=lambda: NOW)


def stage(name: str, *, ago_s: float, seconds: float) -> StageRecord:
    return StageRecord(name, NOW - timedelta(seconds=ago_s), seconds=seconds, rows=5)


def batch(workspace: Workspace, batch_id: str, *, ago_s: float, done_ago_s: float | None = None) -> None:
    texts = dict.fromkeys(("entity_type", "status", "source_system", "source_uri", "content_hash"), "x")
    counts = dict.fromkeys(("total_records", "processed_records", "failed_records", "duplicate_records"), 1)
    moments = {"created_at": ago_s, "completed_at": ago_s if done_ago_s is None else done_ago_s}
    row = texts | counts | {"batch_id": batch_id}
    row |= {name: NOW - timedelta(seconds=ago) for name, ago in moments.items()}
    workspace.warehouse.append("ingestion_batches", pl.DataFrame([row]))


def recorded(workspace: Workspace) -> list[tuple]:
    rows = workspace.warehouse.table("processing_latency").to_polars().sort("process_name", "start_timestamp")
    return rows.select("process_name", "latency_seconds", "status", "sla_met").rows()


def run_stages(workspace: Workspace, *stages: StageRecord) -> None:
    workspace.stages.clear()
    with recorded_job(workspace, "job"):
        workspace.stages.extend(stages)


def wholes(workspace: Workspace) -> dict[str, float]:
    rows = workspace.warehouse.table("processing_latency").to_polars()
    return dict(rows.filter(pl.col("process_name") == "end_to_end").select("batch_id", "latency_seconds").rows())


def test_a_job_records_its_stages_by_the_names_of_the_service_levels_and_no_whole(workspace):
    batch(workspace, "taken in", ago_s=190, done_ago_s=40)
    run_stages(workspace, stage("ingest", ago_s=200, seconds=150), stage("normalize", ago_s=50, seconds=20))
    assert recorded(workspace) == [("normalized", 20.0, "success", True), ("staging", 150.0, "success", False)]


def test_a_job_that_took_nothing_in_hides_no_slow_one(workspace):
    batch(workspace, "slow", ago_s=400, done_ago_s=190)
    run_stages(workspace, stage("ingest", ago_s=500, seconds=150), stage("normalize", ago_s=200, seconds=20))
    slow = recorded(workspace)
    assert [(name, met) for name, _, _, met in slow] == [("normalized", True), ("staging", False)]
    run_stages(workspace, stage("ingest", ago_s=100, seconds=0.4), stage("normalize", ago_s=99, seconds=0.1))
    assert recorded(workspace) == slow
    batch(workspace, "left behind", ago_s=600, done_ago_s=49)  # by an ingest that was killed
    run_stages(workspace, stage("ingest", ago_s=60, seconds=0.4), stage("normalize", ago_s=50, seconds=7))
    assert sorted(set(recorded(workspace)) - set(slow)) == [("normalized", 7.0, "success", True)]


def test_a_failing_ingest_is_recorded_whatever_it_took_in(workspace):
    with pytest.raises(EngineError), recorded_job(workspace, "job"), workspace.stage("ingest"):
        raise EngineError("lost")
    assert [(name, status) for name, _, status, _ in recorded(workspace)] == [("staging", "failure")]


def test_a_prediction_closes_every_batch_that_is_open_once(workspace):
    for minute in range(0, 60, 10):
        batch(workspace, f"of :{minute:02}", ago_s=3600 - 60 * minute)
    run_stages(workspace, stage("predict", ago_s=-480, seconds=40))  # at eight minutes past the next hour
    found = {f"of :{minute:02}": 60.0 * (68 - minute) + 40 for minute in range(0, 60, 10)}
    assert wholes(workspace) == found
    batch(workspace, "next", ago_s=-600)
    run_stages(workspace, stage("predict", ago_s=-700, seconds=10))
    assert wholes(workspace) == found | {"next": 110.0}
    run_stages(workspace, stage("predict", ago_s=-9000, seconds=10))
    assert wholes(workspace) == found | {"next": 110.0}


def test_a_prediction_closes_no_batch_that_it_cannot_have_seen(workspace):
    batch(workspace, "not normalized", ago_s=600, done_ago_s=90)
    batch(workspace, "seen", ago_s=500)
    batch(workspace, "later", ago_s=80)
    run_stages(workspace, stage("predict", ago_s=100, seconds=60))
    assert wholes(workspace) == {"seen": 460.0}
    run_stages(workspace, stage("predict", ago_s=30, seconds=10))
    assert wholes(workspace) == {"seen": 460.0, "not normalized": 580.0, "later": 60.0}


def test_a_run_from_end_to_end_has_closed_its_batches(workspace):
    batch(workspace, "of the run", ago_s=900)
    workspace.stages.extend([stage("ingest", ago_s=1000, seconds=300), stage("predict", ago_s=500, seconds=100)])
    record_run(workspace, batch_id="run")
    batch(workspace, "of a job", ago_s=200)
    run_stages(workspace, stage("predict", ago_s=100, seconds=50))
    assert wholes(workspace) == {"run": 600.0, "of a job": 150.0}


def test_a_prediction_that_fails_closes_nothing(workspace):
    batch(workspace, "open", ago_s=600)
    with pytest.raises(EngineError), recorded_job(workspace, "job"), workspace.stage("predict"):
        raise EngineError("lost")
    assert wholes(workspace) == {}


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


def test_the_doctor_sees_the_batches_that_waited_longest_for_their_prediction(workspace):
    for number, ago_s in enumerate((3500, 2900, 300)):
        batch(workspace, str(number), ago_s=ago_s)
    run_stages(workspace, stage("predict", ago_s=100, seconds=40))
    (found,) = [one for one in service_level_findings(workspace) if one.question == "service level end_to_end"]
    assert found.is_well is False
    assert found.answer.startswith("33% of 3 within 900 s, slowest 3440.0 s")


def test_the_doctor_advises_only_options_that_there_are(workspace):
    run_stages(workspace, stage("predict", ago_s=700, seconds=650))
    (found,) = [one for one in service_level_findings(workspace) if one.question == "service level predictions"]
    assert found.answer.endswith("; score fewer hours at a time (--hours)")


def test_every_column_of_a_latency_row_is_written(workspace):
    run_stages(workspace, stage("features", ago_s=7, seconds=6))
    table = workspace.warehouse.table("processing_latency").to_polars()
    assert table.null_count().row(0) == (0,) * len(TABLES["processing_latency"].columns)
