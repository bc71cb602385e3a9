"""The changes a migration is made of: engine-neutral, written down as JSON, each with its inverse."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

from trenddrop.core.errors import ConfigError


class StepEngine(Protocol):
    """What an engine does for a step; each statement does nothing when it is already done."""

    def create_table(self, name: str, columns: dict[str, str]) -> None:
        """Create the table with these Ibis dtypes (``!`` is never null) unless it exists."""
        ...

    def drop_table(self, name: str) -> None:
        """Drop the table with its rows, if it exists."""
        ...

    def add_column(self, name: str, column: str, dtype: str) -> None:
        """Append a column that is null in the rows that are there, unless it exists."""
        ...

    def drop_column(self, name: str, column: str) -> None:
        """Drop the column with its values, if it exists."""
        ...


class Step(Protocol):
    """One change of the schema."""

    def apply(self, engine: StepEngine) -> None:
        """Make the change."""
        ...

    def inverse(self) -> "Step":
        """Return the step that takes this one back; values that were dropped stay dropped."""
        ...


@dataclass(frozen=True, slots=True)
class CreateTable:
    """A new table."""

    table: str
    columns: dict[str, str]

    def apply(self, engine: StepEngine) -> None:
        """Create the table."""
        engine.create_table(self.table, self.columns)

    def inverse(self) -> "DropTable":
        """Return the step that drops the table."""
        return DropTable(self.table, self.columns)


@dataclass(frozen=True, slots=True)
class DropTable:
    """A table that goes; its columns are kept here so that it can come back (empty)."""

    table: str
    columns: dict[str, str]

    def apply(self, engine: StepEngine) -> None:
        """Drop the table."""
        engine.drop_table(self.table)

    def inverse(self) -> CreateTable:
        """Return the step that creates the table, without rows."""
        return CreateTable(self.table, self.columns)


@dataclass(frozen=True, slots=True)
class AddColumn:
    """A new last column, null in the rows that are there.

    >>> AddColumn("hashtags", "origin", "!string")
    Traceback (most recent call last):
        ...
    trenddrop.core.errors.ConfigError: hashtags.origin: an added column must be nullable, ...
    """

    table: str
    column: str
    dtype: str

    def __post_init__(self) -> None:
        if self.dtype.startswith("!"):
            raise ConfigError(
                f"{self.table}.{self.column}: an added column must be nullable, "
                f"the rows that are there have no value for it; write {self.dtype[1:]!r}"
            )

    def apply(self, engine: StepEngine) -> None:
        """Add the column."""
        engine.add_column(self.table, self.column, self.dtype)

    def inverse(self) -> "DropColumn":
        """Return the step that drops the column."""
        return DropColumn(self.table, self.column, self.dtype)


@dataclass(frozen=True, slots=True)
class DropColumn:
    """A nullable column that goes; its dtype is kept here so that it can come back (as nulls)."""

    table: str
    column: str
    dtype: str

    def apply(self, engine: StepEngine) -> None:
        """Drop the column."""
        engine.drop_column(self.table, self.column)

    def inverse(self) -> AddColumn:
        """Return the step that adds the column, as nulls."""
        return AddColumn(self.table, self.column, self.dtype)


def script(steps: Sequence[Step]) -> str:
    """Return the steps as JSON text, as ``schema_versions`` keeps them.

    >>> script([AddColumn("hashtags", "origin", "string")])
    '[{"step": "AddColumn", "table": "hashtags", "column": "origin", "dtype": "string"}]'
    """
    return json.dumps([{"step": type(step).__name__} | asdict(step) for step in steps])  # type: ignore[call-overload]


def migrated(columns: dict[str, dict[str, str]], steps: Sequence[Step]) -> dict[str, dict[str, str]]:
    """Return the tables and columns after the steps, without an engine.

    >>> migrated({}, [CreateTable("t", {"a": "!string"}), AddColumn("t", "b", "int64")])
    {'t': {'a': '!string', 'b': 'int64'}}
    """
    model = _Model({name: dict(table) for name, table in columns.items()})
    for step in steps:
        step.apply(model)
    return model.tables


@dataclass(frozen=True, slots=True)
class _Model:
    """An engine that keeps nothing but the columns."""

    tables: dict[str, dict[str, str]]

    def create_table(self, name: str, columns: dict[str, str]) -> None:
        self.tables.setdefault(name, dict(columns))

    def drop_table(self, name: str) -> None:
        self.tables.pop(name, None)

    def add_column(self, name: str, column: str, dtype: str) -> None:
        self.tables[name].setdefault(column, dtype)

    def drop_column(self, name: str, column: str) -> None:
        self.tables[name].pop(column, None)
