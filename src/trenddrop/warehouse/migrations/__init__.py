"""Numbered, immutable, reversible changes of the schema, recorded in ``schema_versions``."""

from trenddrop.core.time import Clock, utc_now
from trenddrop.warehouse.migrations.m0001_first_tables import FIRST_TABLES
from trenddrop.warehouse.migrations.m0002_window_features import WINDOW_FEATURES
from trenddrop.warehouse.migrations.m0003_semantic_and_entities import SEMANTIC_AND_ENTITIES
from trenddrop.warehouse.migrations.m0004_feature_drift import FEATURE_DRIFT
from trenddrop.warehouse.migrations.m0005_served_features import SERVED_FEATURES
from trenddrop.warehouse.migrations.m0006_label_constants import LABEL_CONSTANTS
from trenddrop.warehouse.migrations.m0007_retraining_proposals import RETRAINING_PROPOSALS
from trenddrop.warehouse.migrations.m0008_prediction_outcomes import PREDICTION_OUTCOMES
from trenddrop.warehouse.migrations.m0009_list_context import LIST_CONTEXT
from trenddrop.warehouse.migrations.m0010_rises import RISES
from trenddrop.warehouse.migrations.m0011_arrivals import ARRIVALS
from trenddrop.warehouse.migrations.m0012_usual_views import USUAL_VIEWS
from trenddrop.warehouse.migrations.runner import MigratableEngine, Migration, run_migrations
from trenddrop.warehouse.migrations.steps import AddColumn, CreateTable, DropColumn, DropTable

MIGRATIONS: tuple[Migration, ...] = (
    FIRST_TABLES,
    WINDOW_FEATURES,
    SEMANTIC_AND_ENTITIES,
    FEATURE_DRIFT,
    SERVED_FEATURES,
    LABEL_CONSTANTS,
    RETRAINING_PROPOSALS,
    PREDICTION_OUTCOMES,
    LIST_CONTEXT,
    RISES,
    ARRIVALS,
    USUAL_VIEWS,
)


def migrate(engine: MigratableEngine, *, to: int | None, clock: Clock = utc_now) -> list[int]:
    """Bring the schema to version ``to`` (None: the newest, 0: none) and return the versions that ran."""
    return run_migrations(engine, MIGRATIONS, to=to, clock=clock)


__all__ = [
    "MIGRATIONS",
    "AddColumn",
    "CreateTable",
    "DropColumn",
    "DropTable",
    "MigratableEngine",
    "Migration",
    "migrate",
    "run_migrations",
]
