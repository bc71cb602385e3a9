"""What Dagster loads: ``make jobs``, or ``dagster dev -m pipelines.definitions``."""

from pipelines.scheduler.build import definitions
from pipelines.scheduler.config import load_scheduler
from trenddrop.core.settings import load_settings

SETTINGS = load_settings()
defs = definitions(SETTINGS, load_scheduler(extra=SETTINGS.configs))
