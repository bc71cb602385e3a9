from datetime import UTC, datetime, timedelta

import pytest

from trenddrop.quality import StageTiming, load_sla, record_latency, service_levels
from trenddrop.warehouse import Warehouse

START = datetime(2026, 1, 1, tzinfo=UTC)


def timing(name: str, begin_s: float, end_s: float, **more) -> StageTiming:
    return StageTiming(name, START + timedelta(seconds=begin_s), START + timedelta(seconds=end_s), **more)


def test_each_stage_and_the_whole_run_are_held_against_their_levels(any_wh: Warehouse):
    stages = [timing("staging", 0, 100, records=50), timing("normalized", 100, 450), timing("labels", 450, 5000)]
    judged = record_latency(any_wh, stages, load_sla(), batch_id="run-1")
    assert {one.process_name: met for one, met in judged} == {
        "staging": True,  # 100 s of 120 s
        "normalized": False,  # 350 s of 300 s
        "labels": True,  # has no level
        "end_to_end": False,  # 5000 s of 900 s
    }
    rows = any_wh.table("processing_latency").to_pyarrow().to_pylist()
    whole = next(row for row in rows if row["process_name"] == "end_to_end")
    assert (whole["latency_seconds"], whole["records_processed"], whole["sla_met"]) == (5000.0, 50, False)
    assert {row["batch_id"] for row in rows} == {"run-1"}


def test_a_failed_stage_never_meets_its_level(wh: Warehouse):
    judged = record_latency(wh, [timing("staging", 0, 1, status="failure")], load_sla(), batch_id="r")
    assert [(one.process_name, one.status, met) for one, met in judged] == [
        ("staging", "failure", False),
        ("end_to_end", "partial", True),
    ]


def test_the_same_run_is_written_once(wh: Warehouse):
    for _ in range(2):
        record_latency(wh, [timing("staging", 0, 1)], load_sla(), batch_id="r")
    assert wh.table("processing_latency").count().to_pyarrow().as_py() == 2


def test_no_timings_write_nothing(wh: Warehouse):
    assert record_latency(wh, [], load_sla(), batch_id="r") == []


def test_service_levels_count_the_share_of_runs_in_time(any_wh: Warehouse):
    for run in range(4):
        record_latency(
            any_wh, [timing("features", run, run + (700 if run == 0 else 60))], load_sla(), batch_id=f"r{run}"
        )
    found = {one.process_name: one for one in service_levels(any_wh, load_sla())}
    assert found["features"].runs == 4
    assert found["features"].share_met == pytest.approx(0.75)
    assert not found["features"].is_met
    assert found["features"].slowest_s == 700.0
    assert found["end_to_end"].is_met
    assert service_levels(any_wh, load_sla(), since=START + timedelta(seconds=2))[0].runs == 2
