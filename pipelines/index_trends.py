"""Job: embed the trends of the last days and write the index that videos are matched against."""

import sys
from typing import Any

from trenddrop.core.settings import Config
from trenddrop.flow import Workspace, stages
from trenddrop.flow.jobs import run_job
from trenddrop.flow.videos import VideoBranch


class IndexJob(Config):
    """Whether trends that were not seen for days are indexed too."""

    is_everything: bool = False


def index_trends(workspace: Workspace, job: IndexJob) -> dict[str, Any]:
    """Build the index anew; texts that did not change are not embedded again."""
    stages.require_checked(workspace)
    return {"trends": VideoBranch(workspace).build_index(is_everything=job.is_everything)}


if __name__ == "__main__":
    sys.exit(run_job(IndexJob, index_trends, sys.argv))
