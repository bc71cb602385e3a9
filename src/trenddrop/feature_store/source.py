"""What Feast may read: a table of the warehouse, or a query over its tables."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import ibis.expr.datatypes as dt
import ibis.expr.types as ir
from feast.data_source import DataSource
from feast.feature_logging import LOG_TIMESTAMP_FIELD, LoggingDestination
from feast.protos.feast.core.DataSource_pb2 import DataSource as DataSourceProto
from feast.protos.feast.core.FeatureService_pb2 import LoggingConfig as LoggingConfigProto
from feast.protos.feast.core.SavedDataset_pb2 import SavedDatasetStorage as SavedDatasetStorageProto
from feast.repo_config import RepoConfig
from feast.saved_dataset import SavedDatasetStorage
from feast.value_type import ValueType

from trenddrop.core.errors import ConfigError, SchemaError
from trenddrop.feature_store.access import reading
from trenddrop.schemas import TABLES
from trenddrop.warehouse import Warehouse


class WarehouseSource(DataSource):
    """A table of the warehouse, or a query over its tables in the engine's SQL.

    ``field_mapping`` maps a column to the name that Feast gives it. Names exactly one of ``table`` and ``query``;
    a query needs a ``name`` too. Raises ConfigError otherwise.
    """

    def __init__(  # noqa: PLR0913 - what every Feast source takes
        self,
        *,
        name: str | None = None,
        table: str | None = None,
        query: str | None = None,
        timestamp_field: str = "",
        created_timestamp_column: str = "",
        field_mapping: Mapping[str, str] | None = None,
        description: str = "",
        tags: Mapping[str, str] | None = None,
        owner: str = "",
    ) -> None:
        if (table is None) == (query is None):
            raise ConfigError(f"feature source {name or '?'}: give either a table or a query")
        if name is None and table is None:
            raise ConfigError("feature source over a query: give it a name")
        super().__init__(
            name=name or table,
            timestamp_field=timestamp_field,
            created_timestamp_column=created_timestamp_column,
            field_mapping=dict(field_mapping or {}),
            description=description,
            tags=dict(tags or {}),
            owner=owner,
        )
        self.table = table
        self.query = query

    def __hash__(self) -> int:
        """Hash by name, as Feast's own sources do."""
        return hash((self.name, self.timestamp_field))

    def __eq__(self, other: object) -> bool:
        """Compare everything that Feast stores."""
        return (
            isinstance(other, WarehouseSource)
            and super().__eq__(other)
            and (self.table, self.query) == (other.table, other.query)
        )

    def source_type(self) -> Any:
        """Return Feast's mark of a source that it does not ship."""
        return DataSourceProto.CUSTOM_SOURCE

    def rows(self, warehouse: Warehouse, *, snapshot: str | None = None) -> ir.Table:
        """Return the rows, now or as of a snapshot (tables only: a query names its own snapshots)."""
        if self.table is not None:
            return warehouse.table(self.table, snapshot=snapshot)
        if snapshot is not None:
            raise ConfigError(f"feature source {self.name}: a query cannot be read at a snapshot; use a table")
        return warehouse.backend.sql(self.query)

    def columns(self, config: RepoConfig) -> dict[str, str]:
        """Return the columns with their Ibis dtypes; tables of the schema need no warehouse for it."""
        if self.table in TABLES:
            schema = TABLES[self.table].ibis()
        else:
            with reading(config.offline_store.home) as warehouse:
                schema = self.rows(warehouse).schema()
        return {name: str(dtype) for name, dtype in schema.items()}

    def validate(self, config: RepoConfig) -> None:
        """Raise SchemaError when a column that this source names does not exist."""
        named = [self.timestamp_field, self.created_timestamp_column, *self.field_mapping]
        have = self.columns(config)
        if missing := sorted({name for name in named if name} - set(have)):
            raise SchemaError(f"feature source {self.name}: missing columns {missing}; got {list(have)}")

    def get_table_column_names_and_types(self, config: RepoConfig) -> Iterable[tuple[str, str]]:
        """Return each column with its Ibis dtype."""
        return self.columns(config).items()

    def get_table_query_string(self) -> str:
        """Return what stands after FROM."""
        return f'"{self.table}"' if self.table is not None else f"({self.query})"

    @staticmethod
    def source_datatype_to_feast_value_type() -> Callable[[str], ValueType]:
        """Return the function that turns an Ibis dtype into Feast's value type."""
        return value_type

    @staticmethod
    def from_proto(data_source: Any) -> "WarehouseSource":
        """Read the source from the registry."""
        options = json.loads(data_source.custom_options.configuration)
        return WarehouseSource(
            name=data_source.name,
            table=options["table"],
            query=options["query"],
            timestamp_field=data_source.timestamp_field,
            created_timestamp_column=data_source.created_timestamp_column,
            field_mapping=data_source.field_mapping,
            description=data_source.description,
            tags=data_source.tags,
            owner=data_source.owner,
        )

    def _to_proto_impl(self) -> Any:
        return DataSourceProto(
            name=self.name,
            type=DataSourceProto.CUSTOM_SOURCE,
            data_source_class_type=f"{__name__}.{type(self).__name__}",
            timestamp_field=self.timestamp_field,
            created_timestamp_column=self.created_timestamp_column,
            field_mapping=self.field_mapping,
            custom_options=_options(table=self.table, query=self.query),
            description=self.description,
            tags=self.tags,
            owner=self.owner,
        )


class SavedDatasetWarehouseStorage(SavedDatasetStorage):
    """A table of the warehouse that keeps a retrieved dataset."""

    _proto_attr_name = "custom_storage"

    def __init__(self, table: str) -> None:
        self.table = table

    @staticmethod
    def from_proto(storage_proto: Any) -> "SavedDatasetWarehouseStorage":
        """Read the storage from the registry."""
        return SavedDatasetWarehouseStorage(json.loads(storage_proto.custom_storage.configuration)["table"])

    def to_proto(self) -> SavedDatasetStorageProto:
        """Return what the registry keeps."""
        return self._custom_storage_proto(_options(table=self.table))

    def to_data_source(self) -> WarehouseSource:
        """Return the source that reads the dataset back."""
        return WarehouseSource(table=self.table, timestamp_field="event_timestamp")


class WarehouseLoggingDestination(LoggingDestination):
    """A table of the warehouse that keeps served feature vectors."""

    _proto_kind = "trenddrop_warehouse"

    def __init__(self, *, table: str) -> None:
        self.table = table

    @classmethod
    def from_proto(cls, config_proto: Any) -> "WarehouseLoggingDestination":
        """Read the destination from the registry."""
        return cls(table=config_proto.custom_destination.config["table"])

    def to_proto(self) -> Any:
        """Return what the registry keeps."""
        custom = LoggingConfigProto.CustomDestination(kind=self._proto_kind, config={"table": self.table})
        return LoggingConfigProto(custom_destination=custom)

    def to_data_source(self) -> WarehouseSource:
        """Return the source that reads the vectors back."""
        return WarehouseSource(table=self.table, timestamp_field=LOG_TIMESTAMP_FIELD)


def value_type(dtype: str) -> ValueType:
    """Return Feast's value type of an Ibis dtype.

    >>> value_type("!float64").name, value_type("array<string>").name, value_type("timestamp('UTC', 6)").name
    ('DOUBLE', 'STRING_LIST', 'UNIX_TIMESTAMP')
    """
    parsed = dt.dtype(dtype)
    if isinstance(parsed, dt.Array):
        return ValueType[f"{_scalar_type(parsed.value_type).name}_LIST"]
    return _scalar_type(parsed)


def _scalar_type(dtype: dt.DataType) -> ValueType:
    kinds: tuple[tuple[Callable[[], bool], ValueType], ...] = (
        (dtype.is_boolean, ValueType.BOOL),
        (dtype.is_integer, ValueType.INT64),
        (dtype.is_floating, ValueType.DOUBLE),
        (dtype.is_decimal, ValueType.DOUBLE),
        (dtype.is_string, ValueType.STRING),
        (dtype.is_json, ValueType.STRING),
        (dtype.is_timestamp, ValueType.UNIX_TIMESTAMP),
        (dtype.is_date, ValueType.UNIX_TIMESTAMP),
        (dtype.is_binary, ValueType.BYTES),
    )
    for fits, kind in kinds:
        if fits():
            return kind
    raise SchemaError(f"feature source: Feast has no type for a column of {dtype}; cast it in a query source")


def _options(**values: str | None) -> Any:
    return DataSourceProto.CustomSourceOptions(configuration=json.dumps(values).encode())
