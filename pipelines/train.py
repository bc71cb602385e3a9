"""Job: train on everything that is labelled, log the run and apply the promotion rule."""

import sys
from datetime import datetime
from typing import Any

from trenddrop.core.settings import Config
from trenddrop.flow import Workspace, stages
from trenddrop.flow.jobs import run_job
from trenddrop.flow.training import SPEC, train_model, training_document


class TrainJob(Config):
    """Which platform, definition and recipe, and where the test period starts."""

    platform: str
    label: str
    model: str = SPEC
    test_from: datetime | None = None


def train(workspace: Workspace, job: TrainJob) -> dict[str, Any]:
    """Train, judge, and promote what passes; the same rows give the same version again."""
    stages.require_checked(workspace)
    definition = stages.label_named(workspace, job.label)
    trained = train_model(workspace, definition, job.platform, spec_name=job.model, test_from=job.test_from)
    return training_document(trained)


if __name__ == "__main__":
    sys.exit(run_job(TrainJob, train, sys.argv))
