"""One installation at work: its settings, its warehouse, its clock, and what each stage took."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from time import perf_counter
from typing import Literal

from trenddrop.core.progress import SILENT, Progress
from trenddrop.core.settings import Settings
from trenddrop.core.time import Clock, utc_now
from trenddrop.warehouse import Warehouse, open_warehouse


@dataclass(slots=True)
class StageRecord:
    """What one stage took and how many rows it wrote."""

    name: str
    started_at: datetime
    seconds: float = 0.0
    rows: int = 0
    status: Literal["success", "failure"] = "success"


@dataclass(slots=True)
class Workspace:
    """What every stage of the flow is handed."""

    settings: Settings
    warehouse: Warehouse
    clock: Clock = utc_now
    progress: Progress = SILENT
    stages: list[StageRecord] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str) -> Iterator[StageRecord]:
        """Time one stage; its temporary tables go when it ends."""
        record = StageRecord(name, started_at=self.clock())
        begin = perf_counter()
        try:
            yield record
        except BaseException:
            record.status = "failure"
            raise
        finally:
            record.seconds = perf_counter() - begin
            self.stages.append(record)
            self.warehouse.release()


@contextmanager
def open_workspace(settings: Settings, *, clock: Clock = utc_now, progress: Progress = SILENT) -> Iterator[Workspace]:
    """Open the warehouse that the settings name, and close it afterwards."""
    warehouse = open_warehouse(settings)
    try:
        yield Workspace(settings, warehouse, clock=clock, progress=progress)
    finally:
        warehouse.close()
