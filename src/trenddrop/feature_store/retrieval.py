"""A historical retrieval as one expression: which views to join to which entity rows, engine apart.

Views over the same rows with the same keys share one point-in-time join, whatever their time to live.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import ibis
import ibis.expr.types as ir
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from trenddrop.core.errors import InputError, SchemaError
from trenddrop.feature_store.point_in_time import moment, visible_rows, within_reach
from trenddrop.schemas.table import TIMESTAMP
from trenddrop.warehouse import Warehouse

EVENT_TIMESTAMP = "event_timestamp"
ROW = "__row"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

EntityRows: TypeAlias = pd.DataFrame | pl.DataFrame | pa.Table | ir.Table | str


@dataclass(frozen=True, slots=True)
class ViewRead:
    """What one feature view contributes: its rows, and which of their columns under which names.

    ``keys`` maps a key column of the rows to the entity column, ``columns`` an output name to a column of the rows.
    """

    rows: ir.Table
    origin: str  # equal for views over the same rows
    keys: Mapping[str, str]
    columns: Mapping[str, str]
    event_timestamp: str
    created_timestamp: str | None
    ttl: timedelta | None


def stage_entity_rows(warehouse: Warehouse, entity: EntityRows) -> tuple[ir.Table, str]:
    """Hold the entity rows in the engine, numbered, their moments in UTC; return them and the moment's column.

    The moment's column is ``event_timestamp`` or the only timestamp there is; without a zone it is taken as UTC.
    """
    if isinstance(entity, str | ir.Table):
        rows = warehouse.backend.sql(entity) if isinstance(entity, str) else entity
        at = _moment_column({name: dtype.is_timestamp() for name, dtype in rows.schema().items()})
        rows = rows.mutate(**{at: rows[at].cast(TIMESTAMP), ROW: ibis.row_number()})
        return warehouse.stage(rows), at
    table = _to_arrow(entity)
    at = _moment_column({field.name: pa.types.is_timestamp(field.type) for field in table.schema})
    moments = _utc(table[at])
    table = table.set_column(table.schema.get_field_index(at), at, moments)
    return warehouse.stage(table.append_column(ROW, pa.array(range(table.num_rows), pa.int64()))), at


def join_views(entity: ir.Table, at: str, views: Sequence[ViewRead]) -> ir.Table:
    """Return the numbered entity rows with the features of every view."""
    _check_entity_rows(entity, views)
    earliest, latest = _moment_range(entity, at)
    joined = entity
    for group in _share_join(views):
        features = within_reach(
            group[0].rows,
            event_timestamp=group[0].event_timestamp,
            earliest=earliest,
            latest=latest,
            ttl=_longest(view.ttl for view in group),
        )
        found = _join_group(entity, at, features, group)
        joined = joined.left_join(found, ROW).drop(f"{ROW}_right")
    return joined.order_by(ROW).drop(ROW)


def _check_entity_rows(entity: ir.Table, views: Sequence[ViewRead]) -> None:
    have, problems = set(entity.columns), []
    if missing := sorted({column for view in views for column in view.keys.values()} - have):
        problems.append(f"lack {missing}")
    if both := sorted({name for view in views for name in view.columns} & have):
        problems.append(f"already hold features {both}; rename them or ask for full feature names")
    if problems:
        raise SchemaError(f"entity rows: {'; '.join(problems)}; got {sorted(have - {ROW})}")


def _join_group(entity: ir.Table, at: str, features: ir.Table, group: Sequence[ViewRead]) -> ir.Table:
    """Return the row numbers with the features of views that share one join."""
    first = group[0]
    keys = {f"__view_key_{i}": features[name] for i, name in enumerate(first.keys)}
    stamps = {"__view_event": features[first.event_timestamp]}
    if first.created_timestamp is not None:
        stamps["__view_created"] = features[first.created_timestamp]
    columns = {name: features[column] for view in group for name, column in view.columns.items()}
    moments = entity.select(
        ROW,
        __view_at=entity[at],
        **{f"__{name}": entity[column] for name, column in zip(keys, first.keys.values(), strict=True)},
    )
    return visible_rows(
        moments,
        features.select(**keys, **stamps, **columns),
        row=ROW,
        keys={name: f"__{name}" for name in keys},
        event_timestamp="__view_event",
        created_timestamp="__view_created" if first.created_timestamp is not None else None,
        ttl={name: view.ttl for view in group for name in view.columns},
        at="__view_at",
    )


def known_moments(views: Sequence[ViewRead], *, start: datetime | None, end: datetime | None) -> ir.Table:
    """Return every (keys, moment) at which a row of the views became visible in [start, end], as entity rows."""
    parts = []
    for view in views:
        event = view.rows[view.event_timestamp].cast(TIMESTAMP)
        known = event if view.created_timestamp is None else _visible_from(view, event)
        part = view.rows.select(
            **{column: view.rows[key] for key, column in sorted(view.keys.items(), key=lambda pair: pair[1])},
            **{EVENT_TIMESTAMP: known},
        )
        parts.append(between(part, EVENT_TIMESTAMP, start=start, end=end))
    if len({tuple(part.columns) for part in parts}) > 1:
        raise SchemaError(
            f"features of different entities {[list(view.keys.values()) for view in views]} need an entity dataframe"
        )
    return ibis.union(*parts, distinct=True) if len(parts) > 1 else parts[0].distinct()


def between(rows: ir.Table, column: str, *, start: datetime | None, end: datetime | None) -> ir.Table:
    """Keep the rows with ``start <= column <= end``; a bound that is None is open."""
    if start is not None:
        rows = rows.filter(rows[column] >= moment(start))
    if end is not None:
        rows = rows.filter(rows[column] <= moment(end))
    return rows


def _visible_from(view: ViewRead, event: ir.Value) -> ir.Value:
    created = view.rows[view.created_timestamp].cast(TIMESTAMP).coalesce(event)
    return ibis.ifelse(created > event, created, event)


def _share_join(views: Sequence[ViewRead]) -> list[list[ViewRead]]:
    groups: dict[tuple[object, ...], list[ViewRead]] = {}
    for view in views:
        key = (view.origin, tuple(view.keys.items()), view.event_timestamp, view.created_timestamp)
        groups.setdefault(key, []).append(view)
    return list(groups.values())


def _moment_range(entity: ir.Table, at: str) -> tuple[datetime, datetime]:
    bounds = entity.aggregate(earliest=entity[at].min(), latest=entity[at].max()).to_pyarrow().to_pylist()[0]
    return bounds["earliest"] or _EPOCH, bounds["latest"] or _EPOCH


def _longest(spans: Iterable[timedelta | None]) -> timedelta | None:
    known = list(spans)
    return None if not known or None in known else max(span for span in known if span is not None)


def columns_of(entity: EntityRows) -> list[str]:
    """Return the columns of the entity rows; none of SQL, which only the engine can read."""
    if isinstance(entity, str):
        return []
    if isinstance(entity, pa.Table):
        return list(entity.column_names)
    if isinstance(entity, pd.DataFrame | pl.DataFrame | ir.Table):
        return list(entity.columns)
    raise InputError(
        f"entity rows: got {type(entity).__name__}; give pandas, polars, a pyarrow.Table, an Ibis table or SQL"
    )


def _to_arrow(entity: pd.DataFrame | pl.DataFrame | pa.Table) -> pa.Table:
    if isinstance(entity, pa.Table):
        return entity
    return entity.to_arrow() if isinstance(entity, pl.DataFrame) else pa.Table.from_pandas(entity, preserve_index=False)


def _utc(moments: pa.ChunkedArray) -> pa.ChunkedArray:
    aware = moments if moments.type.tz is not None else pc.assume_timezone(moments, "UTC")
    return aware.cast(pa.timestamp("us", "UTC"), safe=False)


def _moment_column(is_timestamp: Mapping[str, bool]) -> str:
    candidates = [name for name, found in is_timestamp.items() if found]
    if EVENT_TIMESTAMP in candidates:
        return EVENT_TIMESTAMP
    if len(candidates) != 1:
        raise InputError(
            f"entity rows: the column event_timestamp is missing or no timestamp; timestamp columns: {candidates}"
        )
    return candidates[0]
