"""What a table schema says: columns, key, times and retention."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import ibis
import ibis.expr.schema as sch

from trenddrop.core.errors import SchemaError

TIMESTAMP = "timestamp('UTC', 6)"


@dataclass(frozen=True, slots=True)
class TableSchema:
    """The contract of one table.

    ``columns`` maps a column to its Ibis dtype; ``!`` marks a column that is never null.
    ``event_timestamp`` says when a row happened, ``created_timestamp`` when the store learned it.
    ``retention_days`` counts from the event timestamp; None keeps rows for ever.
    """

    name: str
    columns: dict[str, str]
    key: tuple[str, ...]
    event_timestamp: str | None = None
    created_timestamp: str | None = None
    retention_days: int | None = 365
    clock_columns: frozenset[str] = field(default_factory=frozenset)  # hold the time of the run, not of the data

    def ibis(self) -> sch.Schema:
        """Return the Ibis schema."""
        return ibis.schema(self.columns)

    def require(self, columns: Iterable[str]) -> None:
        """Raise SchemaError when one of this table's columns is missing."""
        got = list(columns)
        if missing := sorted(set(self.columns) - set(got)):
            raise SchemaError(f"{self.name}: missing columns {missing}; got {got}")
