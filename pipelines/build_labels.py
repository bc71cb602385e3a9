"""Job: label every hour whose outcome is known by now."""

import sys
from typing import Any

from trenddrop.core.settings import Config
from trenddrop.flow import Workspace, stages
from trenddrop.flow.jobs import run_job


class LabelsJob(Config):
    """Which definition on which platform."""

    platform: str
    label: str


def build_labels(workspace: Workspace, job: LabelsJob) -> dict[str, Any]:
    """Bring the labels up to date."""
    stages.require_checked(workspace)
    summary = stages.build_all_labels(workspace, stages.label_named(workspace, job.label), job.platform)
    return {"label_rows": summary.rows, "positives": summary.positives, "unknown": summary.unknown}


if __name__ == "__main__":
    sys.exit(run_job(LabelsJob, build_labels, sys.argv))
