"""Job: compute the features of the trailing hours, or of everything."""

import sys
from datetime import timedelta
from typing import Any

from pydantic import Field

from trenddrop.core.settings import Config
from trenddrop.flow import Workspace, stages
from trenddrop.flow.features import evaluate_all_features
from trenddrop.flow.jobs import run_job


class FeaturesJob(Config):
    """Which platform, and how many hours back from the newest metrics."""

    platform: str
    trailing_hours: int = Field(default=48, ge=1)


def build_features(workspace: Workspace, job: FeaturesJob) -> dict[str, Any]:
    """Bring the features of the trailing hours up to date and evaluate them."""
    newest = stages.newest_event(workspace, job.platform) or workspace.clock()
    hours = stages.Range(start=newest - timedelta(hours=job.trailing_hours))
    rows = stages.build_all_features(workspace, job.platform, hours)
    return {"feature_rows": rows, "feature_quality": evaluate_all_features(workspace, job.platform).document()}


if __name__ == "__main__":
    sys.exit(run_job(FeaturesJob, build_features, sys.argv))
