"""Feast's offline store over the warehouse: point-in-time joins run in the engine, results come back as Arrow."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads
from feast.data_source import DataSource
from feast.feature_view import DUMMY_ENTITY_ID, DUMMY_ENTITY_VAL, FeatureView
from feast.infra.offline_stores.offline_store import OfflineStore, RetrievalJob, RetrievalMetadata
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.repo_config import FeastConfigBaseModel, RepoConfig
from feast.saved_dataset import SavedDatasetStorage
from pydantic import field_validator

from trenddrop.core.errors import ConfigError, InputError, SchemaError
from trenddrop.feature_store.access import Lent, lent, reading
from trenddrop.feature_store.point_in_time import latest_rows, moment
from trenddrop.feature_store.retrieval import (
    EVENT_TIMESTAMP,
    EntityRows,
    ViewRead,
    between,
    columns_of,
    join_views,
    known_moments,
    stage_entity_rows,
)
from trenddrop.feature_store.source import WarehouseSource
from trenddrop.schemas import TableSchema
from trenddrop.schemas.table import TIMESTAMP
from trenddrop.warehouse import Warehouse

Build = Callable[[Warehouse], ir.Table]


class WarehouseOfflineStoreConfig(FeastConfigBaseModel):
    """What ``feature_store.yaml`` says of the offline store; the engine is that of the home's settings."""

    type: Literal["trenddrop.feature_store.offline.WarehouseOfflineStore"] = (
        "trenddrop.feature_store.offline.WarehouseOfflineStore"
    )
    home: str

    @field_validator("home")
    @classmethod
    def _is_absolute(cls, home: str) -> str:
        if "$" in home or not Path(home).is_absolute():
            raise ValueError(
                f"TRENDDROP_HOME is {'not set' if '$' in home else repr(home)}; "
                "set it to an absolute path before calling feast"
            )
        return home


class WarehouseRetrievalJob(RetrievalJob):
    """A query that runs in the warehouse when its result is asked for, as often as it is asked for.

    A warehouse lent when the job was made must stay open until then.
    """

    def __init__(
        self,
        build: Build,
        *,
        config: RepoConfig,
        on_demand_feature_views: Sequence[OnDemandFeatureView] = (),
        full_feature_names: bool = False,
        metadata: RetrievalMetadata | None = None,
    ) -> None:
        super().__init__()
        self._build = build
        self._config = config
        self._lender = lent()
        self._on_demand_feature_views = list(on_demand_feature_views)
        self._full_feature_names = full_feature_names
        self._metadata = metadata

    @property
    def full_feature_names(self) -> bool:
        """Return whether features are named ``view__feature``."""
        return self._full_feature_names

    @property
    def on_demand_feature_views(self) -> list[OnDemandFeatureView]:
        """Return the transformations that Feast runs over the result."""
        return self._on_demand_feature_views

    @property
    def metadata(self) -> RetrievalMetadata | None:
        """Return what was asked for."""
        return self._metadata

    def to_sql(self) -> str:
        """Return the query in the engine's SQL; it names temporary tables of this session."""
        with self._expression() as (warehouse, rows):
            return str(warehouse.backend.compile(rows, pretty=True))

    def persist(self, storage: SavedDatasetStorage, allow_overwrite: bool = False, timeout: int | None = None) -> None:
        """Write the result to a table of the warehouse."""
        rows = self.to_arrow()
        with reading(self._config.offline_store.home, self._lender) as warehouse:
            _save(warehouse, storage.to_data_source().table, rows, allow_overwrite=allow_overwrite)

    def _to_arrow_internal(self, timeout: int | None = None) -> pa.Table:
        with self._expression() as (_, rows):
            return rows.to_pyarrow()

    def _to_df_internal(self, timeout: int | None = None) -> pd.DataFrame:
        return self._to_arrow_internal(timeout).to_pandas()

    @contextmanager
    def _expression(self) -> Iterator[tuple[Warehouse, ir.Table]]:
        with reading(self._config.offline_store.home, self._lender) as warehouse:
            yield warehouse, self._build(warehouse)


class WarehouseOfflineStore(OfflineStore):
    """The warehouse as Feast's offline store; the retrievals are the same Ibis expressions on every engine.

    Rows created after the moment asked for are never read, whether ``filter_by_created_timestamp`` is given or not.
    """

    supports_filter_by_created_timestamp = True

    @staticmethod
    def get_historical_features(  # noqa: PLR0913 - Feast's signature
        config: RepoConfig,
        feature_views: list[FeatureView],
        feature_refs: list[str],
        entity_df: EntityRows | None,
        registry: Any,
        project: str,
        full_feature_names: bool = False,
        **options: Any,
    ) -> WarehouseRetrievalJob:
        """Return a job for the entity rows with the feature values that were visible at their moments.

        Without entity rows, one row per entity and moment of [start_date, end_date] at which something became visible.
        """
        start, end = options.get("start_date"), options.get("end_date")
        snapshot = _snapshot(lent())
        views = [view for view in feature_views if not isinstance(view, OnDemandFeatureView)]

        def build(warehouse: Warehouse) -> ir.Table:
            opened: dict[str, ir.Table] = {}
            for view in views:
                source = _source(view.batch_source)
                if (origin := source.get_table_query_string()) not in opened:
                    opened[origin] = source.rows(warehouse, snapshot=snapshot)
            reads = [_view_read(view, feature_refs, opened, full_feature_names=full_feature_names) for view in views]
            entity: EntityRows = known_moments(reads, start=start, end=end) if entity_df is None else entity_df
            rows, at = stage_entity_rows(warehouse, entity)
            return join_views(rows, at, reads)

        return WarehouseRetrievalJob(
            build,
            config=config,
            on_demand_feature_views=OnDemandFeatureView.get_requested_odfvs(feature_refs, project, registry),
            full_feature_names=full_feature_names,
            metadata=_metadata(feature_refs, entity_df, start, end),
        )

    @staticmethod
    def pull_latest_from_table_or_query(  # noqa: PLR0913 - Feast's signature
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None,
        start_date: datetime,
        end_date: datetime,
    ) -> WarehouseRetrievalJob:
        """Return a job for the newest row per key of those that became visible in [start_date, end_date]."""
        snapshot = _snapshot(lent())

        def build(warehouse: Warehouse) -> ir.Table:
            rows = _source(data_source).rows(warehouse, snapshot=snapshot)
            stamps = [timestamp_field, *filter(None, [created_timestamp_column])]
            rows = rows.select(*dict.fromkeys([*join_key_columns, *feature_name_columns, *stamps]))
            rows = _became_visible(rows, timestamp_field, created_timestamp_column, start_date, end_date)
            latest = latest_rows(
                rows,
                keys=join_key_columns,
                event_timestamp=timestamp_field,
                created_timestamp=created_timestamp_column or None,
            )
            return latest if join_key_columns else latest.mutate(**{DUMMY_ENTITY_ID: DUMMY_ENTITY_VAL})

        return WarehouseRetrievalJob(build, config=config)

    @staticmethod
    def pull_all_from_table_or_query(  # noqa: PLR0913 - Feast's signature
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None = None,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
    ) -> WarehouseRetrievalJob:
        """Return a job for every row whose event lies in [start_date, end_date]; a bound may be None."""
        snapshot = _snapshot(lent())

        def build(warehouse: Warehouse) -> ir.Table:
            rows = _source(data_source).rows(warehouse, snapshot=snapshot)
            stamps = [timestamp_field, *filter(None, [created_timestamp_column])]
            rows = rows.select(*dict.fromkeys([*join_key_columns, *feature_name_columns, *stamps]))
            return between(rows, timestamp_field, start=start_date, end=end_date)

        return WarehouseRetrievalJob(build, config=config)

    @staticmethod
    def offline_write_batch(
        config: RepoConfig, feature_view: FeatureView, table: pa.Table, progress: Callable[[int], Any] | None
    ) -> None:
        """Append rows to the table behind a feature view, under the names of the view or of the table."""
        source = _source(feature_view.batch_source)
        if source.table is None:
            raise ConfigError(f"feature view {feature_view.name}: its source is a query, so it cannot be written")
        column_of = {name: column for column, name in source.field_mapping.items()}
        rows = _utc_stamps(table.rename_columns([column_of.get(name, name) for name in table.column_names]))
        with reading(config.offline_store.home) as warehouse:
            warehouse.transact(lambda: warehouse.append(str(source.table), rows))
        if progress is not None:
            progress(table.num_rows)

    @staticmethod
    def write_logged_features(
        config: RepoConfig, data: pa.Table | Path, source: Any, logging_config: Any, registry: Any
    ) -> None:
        """Append served feature vectors to the table that the logging configuration names."""
        rows = pads.dataset(data).to_table() if isinstance(data, Path) else data
        destination = logging_config.destination.to_data_source()
        with reading(config.offline_store.home) as warehouse:
            _ensure_table(warehouse, destination.table, rows)
            warehouse.transact(lambda: warehouse.append(destination.table, _utc_stamps(rows)))


def _view_read(
    view: FeatureView, feature_refs: Sequence[str], opened: Mapping[str, ir.Table], *, full_feature_names: bool
) -> ViewRead:
    source = _source(view.batch_source)
    column_of: dict[str, str] = {name: column for column, name in source.field_mapping.items()}
    prefix = f"{view.projection.name_to_use()}:"
    features = [ref.removeprefix(prefix) for ref in feature_refs if ref.startswith(prefix)]
    named = f"{view.projection.name_alias or view.name}__" if full_feature_names else ""
    keys = [field.name for field in view.entity_columns if field.name != DUMMY_ENTITY_ID]
    event, created = str(source.timestamp_field), str(source.created_timestamp_column)
    rows = opened[source.get_table_query_string()]
    if missing := sorted({column_of.get(name, name) for name in [*keys, *features]} - set(rows.columns)):
        raise SchemaError(f"feature view {view.name}: {source.name} lacks {missing}; build the features anew")
    return ViewRead(
        rows=rows,
        origin=source.get_table_query_string(),
        keys={column_of.get(key, key): view.projection.join_key_map.get(key, key) for key in keys},
        columns={named + name: column_of.get(name, name) for name in features},
        event_timestamp=column_of.get(event, event),
        created_timestamp=column_of.get(created, created) if created else None,
        ttl=view.ttl if view.ttl and view.ttl > timedelta(0) else None,
    )


def _source(data_source: DataSource | None) -> WarehouseSource:
    if not isinstance(data_source, WarehouseSource):
        raise ConfigError(
            f"feature source {getattr(data_source, 'name', None)}: is {type(data_source).__name__}; "
            "this offline store reads WarehouseSource only"
        )
    return data_source


def _snapshot(lender: Lent | None) -> str | None:
    return lender.snapshot if lender is not None else None


def _became_visible(rows: ir.Table, event: str, created: str | None, start: datetime, end: datetime) -> ir.Table:
    """Keep the rows with ``start <= max(event, created) <= end``, so that a late row is not passed over."""
    happened = rows[event].cast(TIMESTAMP)
    if not created:
        return rows.filter((happened >= moment(start)) & (happened <= moment(end)))
    known = rows[created].cast(TIMESTAMP).coalesce(happened)
    return rows.filter(
        (happened <= moment(end)) & (known <= moment(end)) & ((happened >= moment(start)) | (known >= moment(start)))
    )


def _metadata(
    feature_refs: list[str], entity: EntityRows | None, start: datetime | None, end: datetime | None
) -> RetrievalMetadata:
    keys = [] if entity is None else columns_of(entity)
    if isinstance(entity, pd.DataFrame) and EVENT_TIMESTAMP in keys and len(entity):
        start, end = entity[EVENT_TIMESTAMP].min(), entity[EVENT_TIMESTAMP].max()
    return RetrievalMetadata(feature_refs, [key for key in keys if key != EVENT_TIMESTAMP], start, end)


def _save(warehouse: Warehouse, table: str, rows: pa.Table, *, allow_overwrite: bool) -> None:
    exists = warehouse.has_table(table)
    if exists and not allow_overwrite and warehouse.table(table).count().to_pyarrow().as_py():
        raise InputError(f"saved dataset {table}: the table holds rows; pass allow_overwrite=True to replace them")
    if not exists:
        _ensure_table(warehouse, table, rows)

    def body() -> None:
        if exists:
            warehouse.delete(table, warehouse.table(table))
        warehouse.append(table, _utc_stamps(rows))

    warehouse.transact(body, claim=f"saved_dataset:{table}")


def _ensure_table(warehouse: Warehouse, table: str, rows: pa.Table) -> None:
    columns: Mapping[str, Any] = ibis.Schema.from_pyarrow(_utc_stamps(rows).schema)
    warehouse.ensure_table(TableSchema(name=table, columns={name: str(kind) for name, kind in columns.items()}, key=()))


def _utc_stamps(rows: pa.Table) -> pa.Table:
    """Return the rows with every timestamp in microseconds of UTC, the only kind that a warehouse keeps."""
    for i, field in enumerate(rows.schema):
        if pa.types.is_timestamp(field.type):
            column = rows.column(i)
            if field.type.tz is None:
                column = pc.assume_timezone(column, "UTC")
            rows = rows.set_column(i, field.name, column.cast(pa.timestamp("us", "UTC"), safe=False))
    return rows
