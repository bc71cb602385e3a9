"""Job: compare what was served with what the offline store says of the same moments."""

import sys
from datetime import timedelta
from typing import Any

from pydantic import Field

from trenddrop.core.settings import Config
from trenddrop.flow import Workspace
from trenddrop.flow.consistency import check_consistency, consistency_document, require_consistency
from trenddrop.flow.jobs import run_job


class ConsistencyJob(Config):
    """How many hours back from now, and by which share floats may differ."""

    trailing_hours: int = Field(default=24, ge=1)
    tolerance: float = Field(default=0.0, ge=0)


def run(workspace: Workspace, job: ConsistencyJob) -> dict[str, Any]:
    """Check the vectors served in the trailing hours; a mismatch is a fault."""
    since = workspace.clock() - timedelta(hours=job.trailing_hours)
    found = check_consistency(workspace, since=since, tolerance=job.tolerance)
    require_consistency(found)
    return consistency_document(found)


if __name__ == "__main__":
    sys.exit(run_job(ConsistencyJob, run, sys.argv))
