"""Wide rows: the newest values of a feature view, one row per entity, read for many entities and views at once.

A row is replaced only by one with a later event, or the same event and no earlier creation, so that rows may be
written in any order and by several writers. Reads hide what has outlived the view's time to live. NaN reads back as
null, as everything missing does. SQLite (``sqlite_rows``) and Redis (``redis_rows``) keep such rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Protocol

import polars as pl
import pyarrow as pa

from trenddrop.core.time import as_utc

EVENT, CREATED = "__event", "__created"
MICROSECOND = timedelta(microseconds=1)

Kind = Literal["number", "whole", "flag", "text", "blob"]
ARROW_TYPES: dict[Kind, pa.DataType] = {
    "number": pa.float64(),
    "whole": pa.int64(),
    "flag": pa.bool_(),
    "text": pa.string(),
    "blob": pa.binary(),
}
POLARS_TYPES: dict[Kind, Any] = {
    "number": pl.Float64,
    "whole": pl.Int64,
    "flag": pl.Boolean,
    "text": pl.String,
    "blob": pl.Binary,
}

Key = tuple[str | int | float, ...]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class WideTable:
    """The rows of one feature view: the names of its keys, and its features with what a cell of each holds."""

    name: str
    keys: tuple[str, ...]
    features: Mapping[str, Kind]
    ttl: timedelta | None = None

    def alive_from(self, moment: datetime) -> int | None:
        """Return the oldest event that is still alive at the moment; None where values never expire."""
        return None if self.ttl is None else microseconds(moment) - self.ttl // MICROSECOND

    def schema(self) -> pa.Schema:
        """Return the columns of rows to write: keys aside, whose type is free, times are microseconds."""
        stamps = [pa.field(name, pa.int64()) for name in (EVENT, CREATED)]
        return pa.schema([*stamps, *(pa.field(name, ARROW_TYPES[kind]) for name, kind in self.features.items())])


@dataclass(frozen=True, slots=True)
class WideRead:
    """Which features of a view are wanted, each under its name in the answer."""

    table: WideTable
    features: Mapping[str, str]

    def schema(self) -> dict[str, Any]:
        """Return the answer's columns with their types."""
        return {name: POLARS_TYPES[self.table.features[feature]] for name, feature in self.features.items()}


class WideRows(Protocol):
    """A store of wide rows; methods may be called from several threads at once."""

    def create(self, table: WideTable) -> None:
        """Make the table, or room for the features that are new; other keys than before start it afresh."""
        ...

    def drop(self, table: WideTable) -> None:
        """Remove the table with its rows, if there is one."""
        ...

    def upsert(self, table: WideTable, rows: pa.Table) -> None:
        """Write rows (keys, event, created, features; see ``WideTable.schema``) that are not older than those there."""
        ...

    def remove(self, table: WideTable, keys: Sequence[Key]) -> None:
        """Remove the rows of the keys for good, where there are any."""
        ...

    def read(self, reads: Sequence[WideRead], keys: Sequence[Key], *, moment: datetime) -> pl.DataFrame:
        """Return one row per key, in their order, in one round trip over all views.

        The columns are ``__event``, the newest event in microseconds of those views whose values are alive at the
        moment, and the features; what is dead or was never written is null. All views have the same keys.
        """
        ...

    def ping(self) -> str:
        """Return where the rows are kept; raises EngineError where that cannot be reached."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...


def microseconds(moment: datetime) -> int:
    """Return the microseconds since the epoch; a naive moment is taken as UTC."""
    return (as_utc(moment) - _EPOCH) // MICROSECOND


def moment_of(value: int) -> datetime:
    """Return the moment of so many microseconds since the epoch."""
    return _EPOCH + value * MICROSECOND


def answer_schema(reads: Sequence[WideRead]) -> dict[str, Any]:
    """Return the columns of an answer with their types."""
    schema: dict[str, Any] = {EVENT: pl.Int64}
    for read in reads:
        schema |= read.schema()
    return schema
