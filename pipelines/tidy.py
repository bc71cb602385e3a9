"""Job: delete the rows that are past their table's retention, then merge small files and drop old snapshots."""

import sys
from typing import Any

from pydantic import Field

from trenddrop.core.settings import Config
from trenddrop.flow import Workspace
from trenddrop.flow.jobs import run_job


class TidyJob(Config):
    """Whether the snapshots of the last 30 days stay readable, and with them the rows that are deleted now."""

    is_history_kept: bool = Field(
        default=True, description="false: only the present is kept, and nobody may be reading"
    )


def tidy(workspace: Workspace, job: TidyJob) -> dict[str, Any]:
    """Apply the retention of every table as of now, and return the deleted rows of each that lost some.

    A row's age counts from what it tells of: a home of old data keeps its newest year alone.
    """
    with workspace.stage("tidy") as stage:
        deleted = workspace.warehouse.expire(now=workspace.clock())
        workspace.warehouse.compact(keep_history=job.is_history_kept)
        stage.rows = sum(deleted.values())
    return {"deleted": {table: rows for table, rows in deleted.items() if rows}}


if __name__ == "__main__":
    sys.exit(run_job(TidyJob, tidy, sys.argv))
