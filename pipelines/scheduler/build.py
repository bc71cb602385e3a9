"""Assets, checks, jobs and schedules of one installation."""

import dagster as dg

from pipelines.scheduler.assets import flow_assets
from pipelines.scheduler.config import SchedulerConfig
from pipelines.scheduler.resource import WorkspaceResource
from pipelines.scheduler.schedules import flow_jobs, flow_schedules, retraining_sensor
from pipelines.scheduler.tables import external_specs, steps
from pipelines.scheduler.upkeep import tidy_job
from trenddrop.core.settings import Settings


def definitions(settings: Settings, config: SchedulerConfig) -> dg.Definitions:
    """Return assets, checks, jobs and schedules of one installation; a run is one process."""
    found = steps(config, settings)
    jobs = flow_jobs(found) | {"tidy": tidy_job(config)}
    return dg.Definitions(
        assets=[*flow_assets(config, settings, found), *external_specs()],
        jobs=list(jobs.values()),
        schedules=flow_schedules(config, jobs),
        sensors=[retraining_sensor(config, jobs["retraining"])],
        resources={"workspace": WorkspaceResource(home=str(settings.home.resolve()))},
        executor=dg.in_process_executor,
    )
