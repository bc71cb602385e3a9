"""Job: compute the features of the trailing hours, or of a range, and evaluate them."""

import sys
from datetime import datetime
from typing import Any

from pydantic import Field

from trenddrop.core.settings import Config
from trenddrop.flow import Workspace, stages
from trenddrop.flow.features import evaluate_all_features
from trenddrop.flow.jobs import run_job


class FeaturesJob(Config):
    """Which platform, and which hours: [start, end), or so many back from the newest metrics."""

    platform: str
    trailing_hours: int = Field(default=48, ge=1)
    start: datetime | None = None
    end: datetime | None = None


def build_features(workspace: Workspace, job: FeaturesJob) -> dict[str, Any]:
    """Bring the features of the hours up to date and evaluate them."""
    stages.require_checked(workspace)
    hours = stages.hours_of(workspace, job.platform, start=job.start, end=job.end, trailing=job.trailing_hours)
    rows = stages.build_all_features(workspace, job.platform, hours)
    return {"feature_rows": rows, "feature_quality": evaluate_all_features(workspace, job.platform).document()}


if __name__ == "__main__":
    sys.exit(run_job(FeaturesJob, build_features, sys.argv))
