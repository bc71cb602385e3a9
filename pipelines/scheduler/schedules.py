"""When each job runs: one schedule per job, each tick the partition of its moment."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import dagster as dg

from pipelines.scheduler.attempts import Attempts
from pipelines.scheduler.config import SchedulerConfig, registered_name
from pipelines.scheduler.resource import WorkspaceResource
from pipelines.scheduler.tables import Step
from trenddrop.core.errors import ConfigError
from trenddrop.flow import stages
from trenddrop.flow.drift import open_proposal

LOOK_EVERY_S = 600
DAY, HOUR = "%Y-%m-%d", "%Y-%m-%d-%H:00"
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
Tick: TypeAlias = Callable[[dg.ScheduleEvaluationContext], dg.RunRequest]


def flow_jobs(steps: dict[str, Step]) -> dict[str, dg.JobDefinition]:
    """Return a job per step, which takes that step's assets and their checks alone."""
    return {
        name: dg.define_asset_job(
            f"{name}_job",
            selection=dg.AssetSelection.assets(*step.tables),
            tags={"trenddrop/step": name},
        )
        for name, step in steps.items()
    }


def flow_schedules(config: SchedulerConfig, jobs: dict[str, dg.JobDefinition]) -> list[dg.ScheduleDefinition]:
    """Return a schedule per rhythm of the config; raise ConfigError for a rhythm of no job."""
    if unknown := sorted(set(config.rhythms) - set(jobs)):
        raise ConfigError(f"scheduler.yaml: rhythms of {unknown}, which are no jobs; known: {', '.join(sorted(jobs))}")
    requests = {"ingest": _yesterday_too(config), "labels": _day, "features": _hour(config)}
    status = dg.DefaultScheduleStatus.RUNNING if config.is_running else dg.DefaultScheduleStatus.STOPPED
    return [
        dg.ScheduleDefinition(
            name=f"{name}_schedule",
            job=jobs[name],
            cron_schedule=rhythm.cron,
            execution_timezone="UTC",
            execution_fn=requests.get(name, _unpartitioned),
            default_status=status,
        )
        for name, rhythm in config.rhythms.items()
    ]


def retraining_sensor(config: SchedulerConfig, job: dg.JobDefinition) -> dg.SensorDefinition:
    """Return the sensor that asks for one retraining per open proposal, of its model alone, whoever wrote it.

    What a user must mend of one platform is told, and keeps no other platform's proposal waiting.
    """

    @dg.sensor(
        job=job, minimum_interval_seconds=LOOK_EVERY_S, default_status=_sensor_status(config), name="retraining_sensor"
    )
    def look(context: dg.SensorEvaluationContext, workspace: WorkspaceResource) -> list[dg.RunRequest] | dg.SkipReason:
        attempts, requests = Attempts(), []
        with workspace.open() as ws:
            for one in config.platforms:
                with attempts.of(one.platform):
                    definition = stages.label_named(ws, one.label)
                    if proposal := open_proposal(ws, definition, one.platform, spec_name=one.model):
                        requests.append(_retraining(proposal, registered_name(ws, one)))
        if attempts.errors:
            context.log.error(attempts.told())
        return requests or dg.SkipReason(attempts.told() or "no proposal is open")

    return look


def _retraining(proposal: str, model: str) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=proposal,
        run_config={"ops": {"retraining": {"config": {"models": [model]}}}},
        tags={"trenddrop/proposal": proposal},
    )


def _sensor_status(config: SchedulerConfig) -> dg.DefaultSensorStatus:
    return dg.DefaultSensorStatus.RUNNING if config.is_running else dg.DefaultSensorStatus.STOPPED


def _moment(context: dg.ScheduleEvaluationContext) -> datetime:
    return context.scheduled_execution_time.astimezone(UTC)


def _day(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Ask for the partition of the tick's day."""
    return dg.RunRequest(partition_key=_moment(context).strftime(DAY))


def _yesterday_too(config: SchedulerConfig) -> Tick:
    """Ask for the tick's day and the day before: the last file of a day is finished after midnight."""

    def request(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        today = _moment(context).date()
        first = max(today - timedelta(days=1), config.first_day)
        return dg.RunRequest(tags={RANGE_START: first.strftime(DAY), RANGE_END: today.strftime(DAY)})

    return request


def _hour(config: SchedulerConfig) -> Tick:
    """Ask for the partition of the tick's hour, and for the hours before it that late records may have changed."""
    trailing = max((one.trailing_hours for one in config.platforms), default=0)
    run_config = {"ops": {"features": {"config": {"trailing_hours": trailing}}}}

    def request(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return dg.RunRequest(partition_key=_moment(context).strftime(HOUR), run_config=run_config)

    return request


def _unpartitioned(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    return dg.RunRequest(tags={"trenddrop/tick": _moment(context).isoformat()})
