"""Job: label what has matured, train again and apply the promotion rule; by the clock, or where a drift proposes it."""

import sys
from datetime import datetime
from typing import Any

from trenddrop.core.settings import Config
from trenddrop.flow import Workspace, drift, stages
from trenddrop.flow.jobs import run_job
from trenddrop.flow.training import SPEC


class RetrainJob(Config):
    """Which platform, definition and recipe, where the test period starts, and whether a proposal is waited for."""

    platform: str
    label: str
    model: str = SPEC
    test_from: datetime | None = None
    only_if_proposed: bool = False


def retrain(workspace: Workspace, job: RetrainJob) -> dict[str, Any]:
    """Train again; the same rows give the same version again."""
    stages.require_checked(workspace)
    done = drift.retrain(
        workspace,
        stages.label_named(workspace, job.label),
        job.platform,
        spec_name=job.model,
        test_from=job.test_from,
        only_if_proposed=job.only_if_proposed,
    )
    return done.document()


if __name__ == "__main__":
    sys.exit(run_job(RetrainJob, retrain, sys.argv))
