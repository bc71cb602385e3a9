"""Version 1 stays as it is, and the newest version is what the schemas say."""

import hashlib

from trenddrop.schemas import TABLES
from trenddrop.warehouse.migrations import MIGRATIONS
from trenddrop.warehouse.migrations.m0001_first_tables import FIRST_TABLES
from trenddrop.warehouse.migrations.steps import migrated, script


def test_the_migrations_lead_to_the_schemas() -> None:
    columns: dict[str, dict[str, str]] = {"schema_versions": TABLES["schema_versions"].columns}
    for migration in MIGRATIONS:
        columns = migrated(columns, migration.up)
    different = {
        name: (columns.get(name), schema.columns)
        for name, schema in TABLES.items()
        if list(columns.get(name, {}).items()) != list(schema.columns.items())
    }
    assert different == {}, "a schema changed: add a migration"
    assert set(columns) == set(TABLES)


def test_version_1_never_changes() -> None:
    digest = hashlib.sha256(script(FIRST_TABLES.up).encode()).hexdigest()
    assert digest.startswith("c74c9839fa9fe180"), "homes out there were made by version 1: add a migration instead"
