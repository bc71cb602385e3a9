"""Job: take new raw files in, exactly once, and bring the hourly metrics up to date."""

import sys
from pathlib import Path
from typing import Any

from trenddrop.core.settings import Config
from trenddrop.flow import Workspace, stages
from trenddrop.flow.jobs import run_job


class IngestJob(Config):
    """Which files of which source; ``files`` is a glob pattern."""

    source: str
    folder: Path
    files: str = "*"


def ingest(workspace: Workspace, job: IngestJob) -> dict[str, Any]:
    """Take every matching file in; files that were taken in before change nothing."""
    source = stages.source_named(workspace, job.source)
    taken = stages.ingest_files(workspace, source, sorted(job.folder.glob(job.files)))
    normal = stages.normalize_batches(workspace)
    checks = stages.check_quality(workspace)
    return {"raw_records": taken.raw_records, "metric_rows": normal.metric_rows, "checks": len(checks)}


if __name__ == "__main__":
    sys.exit(run_job(IngestJob, ingest, sys.argv))
