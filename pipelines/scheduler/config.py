"""What the scheduler runs, read from ``configs/jobs/scheduler.yaml``."""

from datetime import date, timedelta
from pathlib import Path

from pydantic import Field

from pipelines.ingest import IngestJob
from trenddrop.core.settings import Config, find_config, parse_config, read_yaml
from trenddrop.flow import Workspace, stages
from trenddrop.flow.training import SPEC, model_name


class Platform(Config):
    """One platform: its label definition, its recipe, and how far back its features are brought up to date."""

    platform: str
    label: str
    model: str = SPEC
    trailing_hours: int = Field(default=48, ge=1)


class Rhythm(Config):
    """When a schedule ticks, in UTC, and the longest pause between two ticks."""

    cron: str
    every_minutes: int = Field(ge=1)

    @property
    def every(self) -> timedelta:
        """Return the longest pause between two ticks."""
        return timedelta(minutes=self.every_minutes)


class Retries(Config):
    """How often a step that failed is tried again, and how long after; the pause doubles every time."""

    maximum: int = Field(default=3, ge=0)
    delay_s: float = Field(default=30.0, ge=0)


class SchedulerConfig(Config):
    """Which files are taken in, which platforms are predicted, and when."""

    first_day: date = Field(description="the first partition of every table")
    ingest: tuple[IngestJob, ...]
    platforms: tuple[Platform, ...]
    rhythms: dict[str, Rhythm]
    retries: Retries = Retries()
    is_running: bool = Field(default=False, description="whether schedules and sensors start by themselves")


def registered_name(workspace: Workspace, one: Platform) -> str:
    """Return the registry's name of the model that a platform is predicted by."""
    return model_name(workspace, stages.label_named(workspace, one.label), one.platform, one.model)


def load_scheduler(path: Path | None = None, *, extra: Path | None = None) -> SchedulerConfig:
    """Read the path, or ``jobs/scheduler.yaml`` of the ``extra`` or built-in configs."""
    found = path or find_config("jobs", "scheduler", extra=extra)
    return parse_config(SchedulerConfig, read_yaml(found), origin=str(found))
