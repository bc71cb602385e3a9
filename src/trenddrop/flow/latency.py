"""What the stages of a run or of a scheduled job took, against the service levels."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from trenddrop.core.errors import TrendDropError
from trenddrop.core.ids import content_id
from trenddrop.flow.workspace import Workspace
from trenddrop.quality import Compliance, StageTiming, load_sla, record_latency, service_levels
from trenddrop.quality.latency import END_TO_END, LATENCY
from trenddrop.warehouse import has_rows

PROCESSES = {"ingest": "staging", "normalize": "normalized", "predict": "predictions"}  # stage to its service level
PREDICT = "predict"
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

    A job is no run from end to end; one that predicts closes the newest batch that no run or job has closed.
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
    return [
        StageTiming(
            process_name=PROCESSES.get(stage.name, stage.name),
            started_at=stage.started_at,
            ended_at=stage.started_at + timedelta(seconds=stage.seconds),
            records=stage.rows,
            status=stage.status,
        )
        for stage in workspace.stages
    ]


def _record_job(workspace: Workspace, batch_id: str) -> None:
    sla = load_sla(extra=workspace.settings.configs)
    record_latency(workspace.warehouse, stage_timings(workspace), sla, batch_id=batch_id, is_whole=False)
    scored = [stage for stage in workspace.stages if stage.name == PREDICT and stage.status == "success"]
    if scored and (batch := _open_batch(workspace)):
        name, taken_in = batch
        ended = scored[-1].started_at + timedelta(seconds=scored[-1].seconds)
        whole = StageTiming(END_TO_END, started_at=taken_in, ended_at=ended, records=scored[-1].rows)
        record_latency(workspace.warehouse, [whole], sla, batch_id=name, is_whole=False)


def _open_batch(workspace: Workspace) -> tuple[str, datetime] | None:
    """Return the newest batch and when it was taken in, unless something that ran from end to end covers it."""
    batches = workspace.warehouse.table("ingestion_batches")
    newest = batches.order_by(batches.created_at.desc(), batches.batch_id).limit(1).to_polars()
    if newest.is_empty():
        return None
    batch_id, taken_in = newest.select("batch_id", "created_at").row(0)
    whole = workspace.warehouse.table(LATENCY)
    whole = whole.filter(whole.process_name == END_TO_END)
    is_closed = (whole.batch_id == batch_id) | ((whole.start_timestamp <= taken_in) & (whole.end_timestamp >= taken_in))
    return None if has_rows(whole.filter(is_closed)) else (batch_id, taken_in)
