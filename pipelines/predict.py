"""Job: score the newest features of every hashtag with the champion, and bring the online store up to date."""

import sys
from typing import Any

from pydantic import Field

from trenddrop.core.settings import Config
from trenddrop.flow import Workspace, stages
from trenddrop.flow.jobs import run_job
from trenddrop.flow.run import materialize_newest
from trenddrop.flow.training import SPEC, predict_now


class PredictJob(Config):
    """Which platform, definition and recipe, and how many hours back a hashtag may have been seen last."""

    platform: str
    label: str
    model: str = SPEC
    hours: int = Field(default=1, ge=1)


def predict(workspace: Workspace, job: PredictJob) -> dict[str, Any]:
    """Write the predictions; scoring the same hour again replaces them."""
    stages.require_checked(workspace)
    definition = stages.label_named(workspace, job.label)
    scores = predict_now(workspace, definition, job.platform, spec_name=job.model, hours=job.hours)
    materialize_newest(workspace, job.platform)
    return {"scored": scores.height}


if __name__ == "__main__":
    sys.exit(run_job(PredictJob, predict, sys.argv))
