"""Job: compare the serving model's newest window with what it learned from, and propose to train again."""

import sys
from typing import Any

from trenddrop.core.settings import Config
from trenddrop.flow import Workspace, stages
from trenddrop.flow.drift import check_drift as compare
from trenddrop.flow.drift import drift_document
from trenddrop.flow.jobs import run_job
from trenddrop.flow.training import SPEC


class DriftJob(Config):
    """Which platform, definition and recipe."""

    platform: str
    label: str
    model: str = SPEC


def check_drift(workspace: Workspace, job: DriftJob) -> dict[str, Any]:
    """Write the comparison; the same hour again replaces it."""
    definition = stages.label_named(workspace, job.label)
    return drift_document(compare(workspace, definition, job.platform, spec_name=job.model))


if __name__ == "__main__":
    sys.exit(run_job(DriftJob, check_drift, sys.argv))
