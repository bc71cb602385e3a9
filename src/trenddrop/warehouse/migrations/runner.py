"""Bring a warehouse's schema to a version, up or down, and record what was done."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

import ibis.expr.types as ir
import pyarrow as pa

from trenddrop import __version__
from trenddrop.core.errors import ConfigError, IntegrityError
from trenddrop.core.time import Clock
from trenddrop.schemas.schema_versions import SCHEMA_VERSIONS
from trenddrop.warehouse.migrations.steps import Step, StepEngine, script

Result = TypeVar("Result")

CLAIM = "migrate"
LEDGER = SCHEMA_VERSIONS.name


class MigratableEngine(StepEngine, Protocol):
    """A warehouse whose schema can change; the ledger ``schema_versions`` is one of its tables."""

    def has_table(self, name: str) -> bool:
        """Return whether the table exists."""
        ...

    def table(self, name: str) -> ir.Table:
        """Return the committed rows."""
        ...

    def append(self, name: str, rows: pa.Table) -> int:
        """Append rows and return how many."""
        ...

    def delete(self, name: str, keys: pa.Table) -> int:
        """Delete the rows that equal a row of ``keys`` in all of its columns and return how many."""
        ...

    def transact(self, body: Callable[[], Result], *, claim: str | None = None) -> Result:
        """Run ``body`` so that its writes become visible together; equal claims exclude each other."""
        ...


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered, immutable change of the schema; the way down is the inverse of the way up."""

    version: int
    name: str
    description: str
    up: tuple[Step, ...]

    @property
    def down(self) -> tuple[Step, ...]:
        """Return the inverse steps in reverse order."""
        return tuple(step.inverse() for step in reversed(self.up))


def run_migrations(
    engine: MigratableEngine,
    migrations: Sequence[Migration],
    *,
    to: int | None,
    clock: Clock,
    applied_by: str = f"trenddrop {__version__}",
) -> list[int]:
    """Bring the schema to version ``to`` (None: the newest, 0: none) and return the versions that ran.

    All of them run in one transaction under one claim, and the current version is read again inside it: of two
    processes that migrate at once, one does the work and the other finds it done. The steps are idempotent, so an
    engine without transactional DDL (ClickHouse) finishes what a killed process began.
    A version that was taken back keeps its row in the ledger, not current.

    Raises ConfigError for an unknown version, or when the schema is newer than this code knows;
    IntegrityError when an applied migration is not the one in this code.
    """
    target = _checked_target(migrations, to)
    if not engine.has_table(LEDGER):
        engine.transact(lambda: engine.create_table(LEDGER, SCHEMA_VERSIONS.columns), claim=CLAIM)
    if _current(_ledger(engine), migrations) == target:
        return []
    return engine.transact(partial(_run_all, engine, migrations, target, clock, applied_by), claim=CLAIM)


def _checked_target(migrations: Sequence[Migration], to: int | None) -> int:
    versions = [migration.version for migration in migrations]
    if versions != list(range(1, len(versions) + 1)):
        raise ConfigError(f"migrations: versions must count 1, 2, 3 ...; got {versions}")
    target = len(versions) if to is None else to
    if not 0 <= target <= len(versions):
        raise ConfigError(f"migrations: no version {target}; choose 0 to {len(versions)}")
    return target


def _current(applied: Sequence[Mapping[str, Any]], migrations: Sequence[Migration]) -> int:
    """Return the version that a ledger says the schema is at, after comparing it with the code."""
    current = max((row["version_id"] for row in applied if row["is_current"]), default=0)
    if current > len(migrations):
        raise ConfigError(
            f"{LEDGER}: the warehouse is at version {current}, this code knows {len(migrations)}; upgrade trenddrop"
        )
    known = {migration.version: script(migration.up) for migration in migrations}
    if changed := [
        row["version_id"]
        for row in applied
        if row["version_id"] <= current and row["migration_script"] != known[row["version_id"]]
    ]:
        raise IntegrityError(
            f"{LEDGER}: applied migrations {changed} differ from those in this code; "
            "migrations are immutable, add a new one instead"
        )
    return current


def _run_all(
    engine: MigratableEngine, migrations: Sequence[Migration], target: int, clock: Clock, applied_by: str
) -> list[int]:
    """Do every version on the way to the target and record them; none when somebody else arrived there."""
    ledger = _ledger(engine)
    current = _current(ledger, migrations)
    entries = {row["version_id"]: row for row in ledger}
    ran = []
    while current != target:
        going_up = current < target
        migration = migrations[current if going_up else current - 1]
        for step in migration.up if going_up else migration.down:
            step.apply(engine)
        if going_up:
            entries[migration.version] = _entry(migration, clock, applied_by)
        current = migration.version if going_up else migration.version - 1
        ran.append(migration.version)
    if ran:
        _rewrite(engine, [row | {"is_current": version == current} for version, row in entries.items()])
    return ran


def _entry(migration: Migration, clock: Clock, applied_by: str) -> dict[str, Any]:
    return {
        "version_id": migration.version,
        "version_name": migration.name,
        "description": migration.description,
        "migration_script": script(migration.up),
        "applied_at": clock(),
        "applied_by": applied_by,
        "rollback_script": script(migration.down),
        "is_current": False,
    }


def _ledger(engine: MigratableEngine) -> list[dict[str, Any]]:
    return engine.table(LEDGER).order_by("version_id").to_pyarrow().to_pylist()


def _rewrite(engine: MigratableEngine, entries: list[dict[str, Any]]) -> None:
    """Replace the ledger's rows; it has one row per version."""
    rows = pa.Table.from_pylist(entries, schema=SCHEMA_VERSIONS.ibis().to_pyarrow())
    engine.delete(LEDGER, rows.select(["version_id"]))
    engine.append(LEDGER, rows)
