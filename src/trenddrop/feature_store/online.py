"""Feast's online store with one wide row per entity, which also enforces the time to live at the read."""

import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
from feast.entity import Entity
from feast.feature_view import DUMMY_ENTITY_ID, FeatureView
from feast.infra.online_stores.online_store import OnlineStore
from feast.protos.feast.types.Value_pb2 import Value as ValueProto
from feast.repo_config import FeastConfigBaseModel, RepoConfig
from feast.value_type import ValueType
from pydantic import field_validator

from trenddrop.feature_store import wide_rows
from trenddrop.feature_store.access import read_moment
from trenddrop.feature_store.wide_rows import Cell, Row, WideTable

_FIELDS = {  # where a proto keeps a scalar, by type
    ValueType.DOUBLE: "double_val",
    ValueType.FLOAT: "float_val",
    ValueType.INT64: "int64_val",
    ValueType.INT32: "int32_val",
    ValueType.BOOL: "bool_val",
    ValueType.STRING: "string_val",
    ValueType.BYTES: "bytes_val",
    ValueType.UNIX_TIMESTAMP: "unix_timestamp_val",
}


class WideSqliteOnlineStoreConfig(FeastConfigBaseModel):
    """What ``feature_store.yaml`` says of the online store."""

    type: Literal["trenddrop.feature_store.online.WideSqliteOnlineStore"] = (
        "trenddrop.feature_store.online.WideSqliteOnlineStore"
    )
    path: str

    @field_validator("path")
    @classmethod
    def _is_absolute(cls, path: str) -> str:
        if "$" in path or not Path(path).is_absolute():
            raise ValueError(f"the path {path!r} is not absolute; set TRENDDROP_HOME to an absolute path")
        return path


class WideSqliteOnlineStore(OnlineStore):
    """Feature views as wide SQLite tables; each thread has its own connection."""

    def __init__(self) -> None:
        super().__init__()
        self._local = threading.local()

    def connection(self, config: RepoConfig) -> sqlite3.Connection:
        """Return this thread's connection."""
        path = config.online_store.path
        if getattr(self._local, "path", None) != path:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._local.connection, self._local.path = wide_rows.connect(path), path
        connection: sqlite3.Connection = self._local.connection
        return connection

    def close(self) -> None:
        """Close this thread's connection."""
        if getattr(self._local, "path", None) is not None:
            self._local.connection.close()
            self._local.path = None

    def online_write_batch(
        self,
        config: RepoConfig,
        table: FeatureView,
        data: list[tuple[Any, dict[str, Any], datetime, datetime | None]],
        progress: Callable[[int], Any] | None,
    ) -> None:
        """Write rows that Feast hands over as protos (pushes, ``write_to_online_store``)."""
        wide = wide_table(config, table)
        wide_rows.upsert(self.connection(config), wide, (_proto_row(wide, *item) for item in data))
        if progress is not None:
            progress(len(data))

    def write_arrow(self, config: RepoConfig, view: FeatureView, rows: pa.Table) -> None:
        """Write materialised rows whose columns carry the view's names, without a proto per value."""
        wide = wide_table(config, view)
        source = view.batch_source
        event = _epoch_microseconds(rows[source.field_mapping.get(source.timestamp_field, source.timestamp_field)])
        created = event
        if column := source.created_timestamp_column:
            created = _epoch_microseconds(rows[source.field_mapping.get(column, column)])
        columns = [
            *(rows[key] for key in wide.keys),
            event,
            pc.coalesce(created, event),
            *(_cells(rows[name]) for name in wide.features),
        ]
        wide_rows.upsert(self.connection(config), wide, zip(*(column.to_pylist() for column in columns), strict=True))

    def online_read(
        self,
        config: RepoConfig,
        table: FeatureView,
        entity_keys: list[Any],
        requested_features: list[str] | None = None,
    ) -> list[tuple[datetime | None, dict[str, Any] | None]]:
        """Return each entity's event timestamp and values; nothing where they are missing or too old."""
        wide = wide_table(config, table)
        types = {field.name: field.dtype.to_value_type() for field in table.features}
        features = list(requested_features or wide.features)
        keys = [_key_row(wide, key) for key in entity_keys]
        found = wide_rows.read(self.connection(config), wide, keys, features, moment=read_moment())
        return [_feast_row(found.get(key), features, types) for key in keys]

    def update(
        self,
        config: RepoConfig,
        tables_to_delete: Sequence[FeatureView],
        tables_to_keep: Sequence[FeatureView],
        entities_to_delete: Sequence[Entity],
        entities_to_keep: Sequence[Entity],
        partial: bool,
    ) -> None:
        """Create, widen and drop tables as ``feast apply`` asks."""
        connection = self.connection(config)
        for view in tables_to_keep:
            wide_rows.create_table(connection, wide_table(config, view))
        for view in tables_to_delete:
            wide_rows.drop_table(connection, wide_table(config, view).name)

    def teardown(self, config: RepoConfig, tables: Sequence[FeatureView], entities: Sequence[Entity]) -> None:
        """Drop the tables of the views."""
        for view in tables:
            wide_rows.drop_table(self.connection(config), wide_table(config, view).name)


def wide_table(config: RepoConfig, view: FeatureView) -> WideTable:
    """Return the table that keeps a view's newest values."""
    keys = sorted(field.name for field in view.entity_columns) or [DUMMY_ENTITY_ID]
    return WideTable(
        name=f"{config.project}_{view.name}",
        keys=tuple(keys),
        features=tuple(field.name for field in view.features),
        ttl=view.ttl if view.ttl and view.ttl > timedelta(0) else None,
    )


def _proto_row(wide: WideTable, key: Any, values: Mapping[str, Any], event: datetime, created: datetime | None) -> Row:
    happened = wide_rows.microseconds(event)
    known = happened if created is None else wide_rows.microseconds(created)
    return (*_key_row(wide, key), happened, known, *(_cell(values.get(name)) for name in wide.features))


def _key_row(wide: WideTable, key: Any) -> Row:
    values = dict(zip(key.join_keys, key.entity_values, strict=True))
    return tuple(_cell(values[name]) for name in wide.keys)


def _cell(value: Any) -> Cell:
    kind = value.WhichOneof("val") if value is not None else None
    if kind is None or kind == "null_val":
        return None
    if kind in _FIELDS.values():
        scalar: Cell = getattr(value, kind)
        return scalar
    blob: bytes = value.SerializeToString()
    return blob


def _feast_row(
    row: Row | None, features: Sequence[str], types: Mapping[str, ValueType]
) -> tuple[datetime | None, dict[str, Any] | None]:
    if row is None:
        return None, None
    event = row[0]
    assert isinstance(event, int)  # noqa: S101 - the column is declared NOT NULL
    values = {name: _value(cell, types[name]) for name, cell in zip(features, row[1:], strict=True)}
    return wide_rows.moment_of(event), values


def _value(cell: Cell, kind: ValueType) -> Any:
    value = ValueProto()
    if cell is None:
        return value
    if kind in _FIELDS:
        setattr(value, _FIELDS[kind], bool(cell) if kind is ValueType.BOOL else cell)
    else:
        value.ParseFromString(cell)
    return value


def _epoch_microseconds(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.timestamp("us", "UTC"), safe=False).cast(pa.int64())


def _cells(column: pa.ChunkedArray) -> pa.ChunkedArray | Iterable[Cell]:
    """Return what SQLite can hold; a timestamp as seconds, as in Feast's protos."""
    if pa.types.is_timestamp(column.type):
        return pc.divide(_epoch_microseconds(column), 1_000_000)
    if pa.types.is_decimal(column.type):
        return column.cast(pa.float64())
    return column
