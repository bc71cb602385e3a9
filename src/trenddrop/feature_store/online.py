"""Feast's online stores over wide rows, which also enforce the time to live at the read.

``HomeOnlineStore`` is the one that ``feature_repo`` names: SQLite under the home, or the Redis of its settings.
"""

import threading
from abc import abstractmethod
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from feast.entity import Entity
from feast.feature_view import DUMMY_ENTITY_ID, FeatureView
from feast.infra.online_stores.online_store import OnlineStore
from feast.protos.feast.types.Value_pb2 import Value as ValueProto
from feast.repo_config import FeastConfigBaseModel, RepoConfig
from feast.type_map import feast_value_type_to_python_type, python_values_to_proto_values
from feast.value_type import ValueType
from pydantic import field_validator

from trenddrop.core.settings import load_settings
from trenddrop.feature_store.access import read_moment
from trenddrop.feature_store.open_rows import open_rows
from trenddrop.feature_store.sqlite_rows import SqliteRows
from trenddrop.feature_store.wide_rows import (
    ARROW_TYPES,
    CREATED,
    EVENT,
    Key,
    Kind,
    WideRead,
    WideRows,
    WideTable,
    microseconds,
    moment_of,
)

_SCALARS: dict[ValueType, tuple[str, Kind]] = {  # where a proto keeps a scalar, and what a cell of it is
    ValueType.DOUBLE: ("double_val", "number"),
    ValueType.FLOAT: ("float_val", "number"),
    ValueType.INT64: ("int64_val", "whole"),
    ValueType.INT32: ("int32_val", "whole"),
    ValueType.UNIX_TIMESTAMP: ("unix_timestamp_val", "whole"),
    ValueType.BOOL: ("bool_val", "flag"),
    ValueType.STRING: ("string_val", "text"),
    ValueType.BYTES: ("bytes_val", "blob"),
}

_NARROW: dict[ValueType, Any] = {ValueType.FLOAT: pl.Float32, ValueType.INT32: pl.Int32}

Written = tuple[Any, dict[str, Any], datetime, datetime | None]
Read = tuple[datetime | None, dict[str, Any] | None]


class WideSqliteOnlineStoreConfig(FeastConfigBaseModel):
    """A SQLite file as the online store."""

    type: Literal["trenddrop.feature_store.online.WideSqliteOnlineStore"] = (
        "trenddrop.feature_store.online.WideSqliteOnlineStore"
    )
    path: str

    @field_validator("path")
    @classmethod
    def _is_absolute(cls, path: str) -> str:
        return _absolute(path)


class WideRedisOnlineStoreConfig(FeastConfigBaseModel):
    """A Redis server as the online store; without ``is_expiring`` dead rows stay, to read at a past moment."""

    type: Literal["trenddrop.feature_store.online.WideRedisOnlineStore"] = (
        "trenddrop.feature_store.online.WideRedisOnlineStore"
    )
    url: str = "redis://localhost:6379/0"
    is_expiring: bool = True


class HomeOnlineStoreConfig(FeastConfigBaseModel):
    """The online store that the settings of the home name; ``url``, of a Redis or ``sqlite``, wins over them."""

    type: Literal["trenddrop.feature_store.online.HomeOnlineStore"] = "trenddrop.feature_store.online.HomeOnlineStore"
    home: str
    url: str | None = None

    @field_validator("home")
    @classmethod
    def _is_absolute(cls, home: str) -> str:
        return _absolute(home)


class WideOnlineStore(OnlineStore):
    """Feature views as wide rows; a subclass says where they are kept."""

    def __init__(self) -> None:
        super().__init__()
        self._opened: dict[tuple[object, ...], WideRows] = {}
        self._opening = threading.Lock()

    @abstractmethod
    def _open(self, config: Any) -> WideRows:
        """Open the rows that the online store's part of the configuration names."""

    def rows(self, config: RepoConfig) -> WideRows:
        """Return the rows, opened once."""
        identity = tuple(config.online_store.model_dump().items())
        if (opened := self._opened.get(identity)) is None:
            with self._opening:
                if identity not in self._opened:
                    self._opened[identity] = self._open(config.online_store)
                opened = self._opened[identity]
        return opened

    def close(self) -> None:
        """Release the connections."""
        with self._opening:
            for rows in self._opened.values():
                rows.close()
            self._opened.clear()

    def online_write_batch(
        self,
        config: RepoConfig,
        table: FeatureView,
        data: list[Written],
        progress: Callable[[int], Any] | None,
    ) -> None:
        """Write rows that Feast hands over as protos (pushes, ``write_to_online_store``)."""
        wide = wide_table(config, table)
        if data:
            self.rows(config).upsert(wide, _written(wide, data))
        if progress is not None:
            progress(len(data))

    def write_arrow(self, config: RepoConfig, view: FeatureView, rows: pa.Table) -> None:
        """Write materialised rows whose columns carry the view's names, without a proto per value."""
        wide = wide_table(config, view)
        source = view.batch_source
        event = _epoch_microseconds(rows[source.field_mapping.get(source.timestamp_field, source.timestamp_field)])
        created = event
        if column := source.created_timestamp_column:
            created = pc.coalesce(_epoch_microseconds(rows[source.field_mapping.get(column, column)]), event)
        types = {field.name: field.dtype.to_value_type() for field in view.features}
        keys = {key: _key_column(rows[key]) for key in wide.keys}
        features = {name: _cells(rows[name], kind, types[name]) for name, kind in wide.features.items()}
        if rows.num_rows:
            self.rows(config).upsert(wide, pa.table(keys | {EVENT: event, CREATED: created} | features))

    def online_read(
        self,
        config: RepoConfig,
        table: FeatureView,
        entity_keys: list[Any],
        requested_features: list[str] | None = None,
    ) -> list[Read]:
        """Return each entity's event timestamp and values; nothing where they are missing or too old."""
        wide = wide_table(config, table)
        types = {field.name: field.dtype.to_value_type() for field in table.features}
        wanted = WideRead(wide, {name: name for name in requested_features or wide.features})
        keys = [_key(wide, key) for key in entity_keys]
        found = self.rows(config).read([wanted], keys, moment=read_moment())
        events = found[EVENT].to_list()
        columns = [_protos(found[name].to_list(), types[name]) for name in wanted.features]
        return [
            (None, None) if event is None else (moment_of(event), dict(zip(wanted.features, values, strict=True)))
            for event, values in zip(events, zip(*columns, strict=True) if columns else [()] * len(keys), strict=True)
        ]

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
        rows = self.rows(config)
        for view in tables_to_keep:
            rows.create(wide_table(config, view))
        for view in tables_to_delete:
            rows.drop(wide_table(config, view))

    def teardown(self, config: RepoConfig, tables: Sequence[FeatureView], entities: Sequence[Entity]) -> None:
        """Drop the tables of the views."""
        for view in tables:
            self.rows(config).drop(wide_table(config, view))


class WideSqliteOnlineStore(WideOnlineStore):
    """Feature views as tables of a SQLite file."""

    def _open(self, config: WideSqliteOnlineStoreConfig) -> WideRows:
        return SqliteRows(config.path)


class WideRedisOnlineStore(WideOnlineStore):
    """Feature views as values of a Redis server."""

    def _open(self, config: WideRedisOnlineStoreConfig) -> WideRows:
        return open_rows(config.url, Path(), is_expiring=config.is_expiring)


class HomeOnlineStore(WideOnlineStore):
    """The online store that the home's settings name."""

    def _open(self, config: HomeOnlineStoreConfig) -> WideRows:
        home = Path(config.home)
        return open_rows(config.url or load_settings(home=home).online_store, home)


def wide_table(config: RepoConfig, view: FeatureView) -> WideTable:
    """Return the table that keeps a view's newest values."""
    keys = sorted(field.name for field in view.entity_columns) or [DUMMY_ENTITY_ID]
    return WideTable(
        name=f"{config.project}_{view.name}",
        keys=tuple(keys),
        features={field.name: kind_of(field.dtype.to_value_type()) for field in view.features},
        ttl=view.ttl if view.ttl and view.ttl > timedelta(0) else None,
    )


def kind_of(value_type: ValueType) -> Kind:
    """Return what a cell of the type is; lists and the like are the bytes of their protos."""
    return _SCALARS[value_type][1] if value_type in _SCALARS else "blob"


def online_column(name: str, value_type: ValueType) -> Callable[[pl.DataFrame], pl.Series]:
    """Return the function that takes a feature from an answer of wide rows and gives it its own type."""
    if value_type is ValueType.UNIX_TIMESTAMP:
        return lambda found: (found[name] * 1_000_000).cast(pl.Datetime("us", "UTC"))
    if value_type in _NARROW:
        return lambda found: found[name].cast(_NARROW[value_type])
    if value_type in _SCALARS:
        return lambda found: found[name]

    def decoded(found: pl.DataFrame) -> pl.Series:
        protos = (None if cell is None else ValueProto.FromString(cell) for cell in found[name].to_list())
        return pl.Series(
            name, [None if one is None else feast_value_type_to_python_type(one, value_type) for one in protos]
        )

    return decoded


def _absolute(path: str) -> str:
    if "$" in path or not Path(path).is_absolute():
        raise ValueError(f"the path {path!r} is not absolute; set TRENDDROP_HOME to an absolute path")
    return path


def _written(wide: WideTable, data: Sequence[Written]) -> pa.Table:
    """Return protos as a table of cells."""
    keys = list(zip(*(_key(wide, entity) for entity, *_ in data), strict=True))
    columns: dict[str, Any] = {name: pa.array(cells) for name, cells in zip(wide.keys, keys, strict=True)}
    columns[EVENT] = pa.array([microseconds(event) for _, _, event, _ in data])
    columns[CREATED] = pa.array([microseconds(created or event) for _, _, event, created in data])
    for name, kind in wide.features.items():
        cells = [_cell(values.get(name), kind) for _, values, _, _ in data]
        columns[name] = pa.array(cells, type=ARROW_TYPES[kind])
    return pa.table(columns)


def _key(wide: WideTable, entity: Any) -> Key:
    values = dict(zip(entity.join_keys, entity.entity_values, strict=True))
    return tuple(_key_cell(values[name]) for name in wide.keys)


def _key_cell(value: Any) -> Any:
    kind = value.WhichOneof("val")
    cell = None if kind is None else getattr(value, kind)
    return cell.hex() if isinstance(cell, bytes) else cell


def _key_column(column: pa.ChunkedArray) -> Any:
    """Return a key's column as ``_key_cell`` gives single keys."""
    if pa.types.is_timestamp(column.type):
        return _epoch_seconds(column)
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        return pa.array([cell.hex() for cell in column.to_pylist()], type=pa.string())
    return column


def _cell(value: Any, kind: Kind) -> Any:
    field = value.WhichOneof("val") if value is not None else None
    if field is None or field == "null_val":
        return None
    return value.SerializeToString() if kind == "blob" and field != "bytes_val" else getattr(value, field)


def _protos(cells: Sequence[Any], value_type: ValueType) -> list[Any]:
    """Return cells as Feast's values, null as a value without one."""
    if value_type not in _SCALARS:
        return [ValueProto() if cell is None else ValueProto.FromString(cell) for cell in cells]
    field = _SCALARS[value_type][0]
    return [ValueProto() if cell is None else ValueProto(**{field: cell}) for cell in cells]


def _epoch_microseconds(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.timestamp("us", "UTC"), safe=False).cast(pa.int64())


def _epoch_seconds(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.timestamp("s", "UTC"), safe=False).cast(pa.int64())


def _cells(column: pa.ChunkedArray, kind: Kind, value_type: ValueType) -> Any:
    """Return a materialised column as cells; a timestamp as seconds, as in Feast's protos."""
    if pa.types.is_timestamp(column.type):
        return _epoch_seconds(column)
    if value_type in _SCALARS:
        return column.cast(ARROW_TYPES[kind], safe=False)
    values = column.to_pylist()
    protos = iter(python_values_to_proto_values([value for value in values if value is not None], value_type))
    return pa.array([None if value is None else next(protos).SerializeToString() for value in values], pa.binary())
