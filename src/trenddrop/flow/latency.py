"""What the stages of a run or of a scheduled job took, against the service levels."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from trenddrop.core.errors import TrendDropError
from trenddrop.core.ids import content_id
from trenddrop.flow.workspace import StageRecord, Workspace
from trenddrop.quality import Compliance, StageTiming, load_sla, record_latency, service_levels
from trenddrop.quality.latency import END_TO_END, LATENCY
from trenddrop.warehouse import Warehouse, has_rows

PROCESSES = {"ingest": "staging", "normalize": "normalized", "predict": "predictions"}  # stage to its service level
PREDICT = "predict"
MOMENTS = {"ingest": "created_at", "normalize": "completed_at"}  # of a batch, set by the stage that takes it
JUDGED = timedelta(days=7)  # a level is kept or missed over this long


def record_run(workspace: Workspace, *, batch_id: str) -> None:
    """Record what the stages took, unless a run with the same inputs has been recorded: this one had nothing to do."""
    recorded = workspace.warehouse.table(LATENCY)
    if not has_rows(recorded.filter(recorded.batch_id == batch_id)):
        sla = load_sla(extra=workspace.settings.configs)
        record_latency(workspace.warehouse, stage_timings(workspace), sla, batch_id=batch_id)


@contextmanager
def recorded_job(workspace: Workspace, name: str) -> Iterator[None]:
    """Record what the stages of the job in the block took, those of a failing one included.

    A job is no run from end to end; one that predicts closes every batch that no run or job has closed. Of ingest and
    normalize it counts what took something in: a schedule ticks far more often than files arrive, and ticks that found
    nothing would hide the slow ones.
    """
    batch_id = content_id(name, workspace.clock().isoformat())
    try:
        yield
    except Exception:
        with suppress(TrendDropError):  # the fault of the job is the one to tell
            _record_job(workspace, batch_id)
        raise
    _record_job(workspace, batch_id)


def recent_service_levels(workspace: Workspace) -> list[Compliance]:
    """Return how often each stage kept its service level in the last days."""
    sla = load_sla(extra=workspace.settings.configs)
    return service_levels(workspace.warehouse, sla, since=workspace.clock() - JUDGED)


def stage_timings(workspace: Workspace) -> list[StageTiming]:
    """Return what each stage of the workspace took, by the names of the service levels."""
    return [_timing(stage) for stage in workspace.stages]


def _timing(stage: StageRecord) -> StageTiming:
    return StageTiming(
        process_name=PROCESSES.get(stage.name, stage.name),
        started_at=stage.started_at,
        ended_at=stage.started_at + timedelta(seconds=stage.seconds),
        records=stage.rows,
        status=stage.status,
    )


def _record_job(workspace: Workspace, batch_id: str) -> None:
    wh = workspace.warehouse
    sla = load_sla(extra=workspace.settings.configs)
    timings = [_timing(stage) for stage in workspace.stages if _has_worked(wh, stage)]
    record_latency(wh, timings, sla, batch_id=batch_id, is_whole=False)
    scored = [stage for stage in workspace.stages if stage.name == PREDICT and stage.status == "success"]
    if not scored:
        return
    batches, end = _open_batches(wh, scored[-1].started_at), _timing(scored[-1]).ended_at

    def close() -> None:
        for name, taken_in, records in batches:
            whole = StageTiming(END_TO_END, started_at=taken_in, ended_at=end, records=records)
            record_latency(wh, [whole], sla, batch_id=name, is_whole=False)

    if batches:
        wh.transact(close)


def _has_worked(wh: Warehouse, stage: StageRecord) -> bool:
    """Return whether a stage failed, took batches in (or to the metrics), or is one that always works."""
    if stage.status != "success" or stage.name not in MOMENTS:
        return True
    moment = wh.table("ingestion_batches")[MOMENTS[stage.name]]
    timing = _timing(stage)
    return has_rows(moment.as_table().filter(moment.between(timing.started_at, timing.ended_at)))


def _open_batches(wh: Warehouse, until: datetime) -> list[tuple[str, datetime, int]]:
    """Return the batches that were ready then and that nothing has closed: id, when they were taken in, records.

    A batch is closed by a row of its own, or by that of a run from end to end that took it in.
    """
    batches = wh.table("ingestion_batches")
    closed = wh.table(LATENCY)
    closed = closed.filter(closed.process_name == END_TO_END)
    runs = closed.anti_join(batches, "batch_id").select("start_timestamp", "end_timestamp")
    is_ready = (batches.status != "processing") & (batches.completed_at.isnull() | (batches.completed_at <= until))
    ready = batches.filter(is_ready & (batches.created_at <= until)).anti_join(closed, "batch_id").to_polars()
    spans = runs.to_polars().rows()
    rows = ready.sort("created_at", "batch_id").select("batch_id", "created_at", "total_records").rows()
    return [row for row in rows if not any(start <= row[1] <= end for start, end in spans)]
