"""The daily upkeep as a job of its own: it deletes from every table, so it writes none as an asset."""

import dagster as dg

from pipelines.scheduler.assets import retry_policy
from pipelines.scheduler.config import SchedulerConfig
from pipelines.scheduler.resource import WorkspaceResource
from pipelines.tidy import TidyJob, tidy


def tidy_job(plan: SchedulerConfig) -> dg.JobDefinition:
    """Return the job that applies the retention and merges small files."""

    @dg.op(name="tidy", retry_policy=retry_policy(plan))
    def remove(context: dg.OpExecutionContext, workspace: WorkspaceResource) -> None:
        with workspace.open("tidy") as ws:
            context.add_output_metadata(tidy(ws, TidyJob()))

    @dg.job(name="tidy_job", tags={"trenddrop/step": "tidy"})
    def upkeep() -> None:
        remove()

    return upkeep
