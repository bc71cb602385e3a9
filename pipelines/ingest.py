"""Job: take new raw files in, exactly once, and bring the hourly metrics up to date."""

import sys
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import Field

from trenddrop.core.settings import Config
from trenddrop.flow import Workspace, stages
from trenddrop.flow.jobs import files_of, run_job


class IngestJob(Config):
    """Which files of which source; ``files`` is a glob pattern, in which ``{day}`` stands for each of ``days``."""

    source: str
    folder: Path
    files: str = "*"
    days: tuple[date, ...] = Field(default=(), description="none: every day")
    is_live: bool = Field(
        default=False,
        description="whether records should be arriving now, so that a feed that stands still is reported; "
        "the scheduler knows it by the days that it takes in",
    )


def ingest(workspace: Workspace, job: IngestJob) -> dict[str, Any]:
    """Take every matching file in; files that were taken in before change nothing."""
    source = stages.source_named(workspace, job.source)
    taken = stages.ingest_files(workspace, source, files_of(job.folder, job.files, job.days))
    normal = stages.normalize_batches(workspace)
    checks = stages.check_quality(workspace, now=workspace.clock() if job.is_live else None)
    return {"raw_records": taken.raw_records, "metric_rows": normal.metric_rows, "checks": len(checks)}


if __name__ == "__main__":
    sys.exit(run_job(IngestJob, ingest, sys.argv))
