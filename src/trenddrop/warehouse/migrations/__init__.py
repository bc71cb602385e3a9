"""Numbered, immutable, reversible changes of the schema, recorded in ``schema_versions``."""

from trenddrop.core.time import Clock, utc_now
from trenddrop.warehouse.migrations.m0001_first_tables import FIRST_TABLES
from trenddrop.warehouse.migrations.m0006_label_constants import LABEL_CONSTANTS
from trenddrop.warehouse.migrations.runner import MigratableEngine, Migration, run_migrations
from trenddrop.warehouse.migrations.steps import AddColumn, CreateTable, DropColumn, DropTable

MIGRATIONS: tuple[Migration, ...] = (
    FIRST_TABLES,
    Migration(version=2, name="reserved", description="Nothing.", up=()),
    Migration(version=3, name="reserved_too", description="Nothing.", up=()),
    Migration(version=4, name="reserved_as_well", description="Nothing.", up=()),
    Migration(version=5, name="reserved_also", description="Nothing.", up=()),
    LABEL_CONSTANTS,
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
