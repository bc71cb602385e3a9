"""How long stages took, against the service levels of ``configs/sla.yaml``."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import polars as pl
from pydantic import Field

from trenddrop.core.ids import content_id
from trenddrop.core.settings import Config, find_config, parse_config, read_yaml
from trenddrop.core.time import as_utc
from trenddrop.schemas import TABLES
from trenddrop.warehouse import Warehouse

LATENCY = "processing_latency"
END_TO_END = "end_to_end"


class ServiceLevel(Config):
    """``share`` of the runs take at most ``limit_s`` seconds."""

    limit_s: float = Field(gt=0)
    share: float = Field(gt=0, le=1)


class ServiceLevels(Config):
    """The service level of each stage that has one."""

    stages: dict[str, ServiceLevel]


@dataclass(frozen=True, slots=True)
class StageTiming:
    """When one stage of a run began and ended, and what became of it."""

    process_name: str
    started_at: datetime
    ended_at: datetime
    records: int = 0
    status: Literal["success", "failure", "partial"] = "success"

    @property
    def latency_s(self) -> float:
        """Return the seconds the stage took."""
        return (self.ended_at - self.started_at).total_seconds()


@dataclass(frozen=True, slots=True)
class Compliance:
    """How often one stage kept its service level."""

    process_name: str
    runs: int
    share_met: float
    target_share: float
    limit_s: float
    slowest_s: float

    @property
    def is_met(self) -> bool:
        """Return whether the share of runs within the limit reaches its target."""
        return self.share_met >= self.target_share


def load_sla(path: Path | None = None, *, extra: Path | None = None) -> ServiceLevels:
    """Read the service levels: of the path, or of ``sla.yaml`` in the ``extra`` or built-in configs."""
    found = path or find_config(".", "sla", extra=extra)
    return parse_config(ServiceLevels, read_yaml(found), origin=str(found))


def record_latency(
    wh: Warehouse, timings: Sequence[StageTiming], sla: ServiceLevels, *, batch_id: str, is_whole: bool = True
) -> list[tuple[StageTiming, bool]]:
    """Write one ``processing_latency`` row per stage of a run and one for the whole; return each with ``sla_met``.

    A failed stage never meets its level; a stage without a level always does. Writing the same run again replaces
    its rows. Without ``is_whole`` the stages are no run from end to end, and get no row for the whole.
    """
    if not timings:
        return []
    whole = StageTiming(
        END_TO_END,
        started_at=min(timing.started_at for timing in timings),
        ended_at=max(timing.ended_at for timing in timings),
        records=max(timing.records for timing in timings),
        status="success" if all(timing.status == "success" for timing in timings) else "partial",
    )
    stages = [*timings, *([whole] if is_whole else [])]
    judged = [(timing, _is_met(timing, sla)) for timing in stages]
    rows = pl.DataFrame(
        [
            {
                "id": content_id(timing.process_name, batch_id, as_utc(timing.started_at).isoformat()),
                "process_name": timing.process_name,
                "batch_id": batch_id,
                "start_timestamp": as_utc(timing.started_at),
                "end_timestamp": as_utc(timing.ended_at),
                "latency_seconds": timing.latency_s,
                "records_processed": timing.records,
                "status": timing.status,
                "sla_met": met,
            }
            for timing, met in judged
        ]
    ).select(list(TABLES[LATENCY].columns))

    def body() -> None:
        wh.delete(LATENCY, rows.select("id"))
        wh.append(LATENCY, rows)

    wh.transact(body)
    return judged


def service_levels(wh: Warehouse, sla: ServiceLevels, *, since: datetime | None = None) -> list[Compliance]:
    """Return how often each stage with a service level kept it, over the runs (started since a moment)."""
    table = wh.table(LATENCY)
    if since is not None:
        table = table.filter(table.start_timestamp >= as_utc(since))
    found = table.group_by("process_name").aggregate(
        runs=table.count(), met=table.sla_met.cast("int64").sum(), slowest_s=table.latency_seconds.max()
    )
    by_name = {row["process_name"]: row for row in found.to_pyarrow().to_pylist()}
    return [
        Compliance(
            process_name=name,
            runs=int(by_name[name]["runs"]),
            share_met=int(by_name[name]["met"]) / int(by_name[name]["runs"]),
            target_share=level.share,
            limit_s=level.limit_s,
            slowest_s=float(by_name[name]["slowest_s"]),
        )
        for name, level in sla.stages.items()
        if name in by_name
    ]


def _is_met(timing: StageTiming, sla: ServiceLevels) -> bool:
    level = sla.stages.get(timing.process_name)
    within = level is None or timing.latency_s <= level.limit_s
    return within and timing.status != "failure"
