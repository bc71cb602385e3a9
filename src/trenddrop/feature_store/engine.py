"""Feast's compute engine for materialisation: the newest rows leave the warehouse as Arrow and stay Arrow."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from feast.infra.common.materialization_job import MaterializationJob, MaterializationJobStatus, MaterializationTask
from feast.infra.compute_engines.base import ComputeEngine
from feast.repo_config import FeastConfigBaseModel
from feast.utils import _convert_arrow_to_proto, _get_column_names

from trenddrop.core.time import utc_now
from trenddrop.feature_store.online import WideOnlineStore


class WarehouseComputeEngineConfig(FeastConfigBaseModel):
    """What ``feature_store.yaml`` says of the engine."""

    type: Literal["trenddrop.feature_store.engine.WarehouseComputeEngine"] = (
        "trenddrop.feature_store.engine.WarehouseComputeEngine"
    )


@dataclass(frozen=True)
class FinishedJob(MaterializationJob):
    """A materialisation that ran to its end or failed."""

    name: str
    failure: BaseException | None = None

    def status(self) -> MaterializationJobStatus:
        """Return how it ended."""
        return MaterializationJobStatus.SUCCEEDED if self.failure is None else MaterializationJobStatus.ERROR

    def error(self) -> BaseException | None:
        """Return what made it fail."""
        return self.failure

    def should_be_retried(self) -> bool:
        """Return that Feast need not run it again."""
        return False

    def job_id(self) -> str:
        """Return the view and the period."""
        return self.name

    def url(self) -> str | None:
        """Return that there is no page about it."""
        return None


class WarehouseComputeEngine(ComputeEngine):
    """Pulls the newest row per entity in the warehouse and writes it to the online store."""

    def update(
        self,
        project: str,
        views_to_delete: Sequence[Any],
        views_to_keep: Sequence[Any],
        entities_to_delete: Sequence[Any],
        entities_to_keep: Sequence[Any],
    ) -> None:
        """Prepare nothing: the engine is the warehouse."""

    def teardown_infra(self, project: str, fvs: Sequence[Any], entities: Sequence[Any]) -> None:
        """Remove nothing: the engine is the warehouse."""

    def _materialize_one(self, registry: Any, task: MaterializationTask, **options: Any) -> FinishedJob:
        name = f"{task.feature_view.name}-{task.start_time}-{task.end_time}"
        try:
            self._copy_newest(registry, task)
        except Exception as error:  # noqa: BLE001 - Feast asks the job for its error and raises it
            return FinishedJob(name, error)
        return FinishedJob(name)

    def _copy_newest(self, registry: Any, task: MaterializationTask) -> None:
        view = task.feature_view
        entities = [registry.get_entity(name, task.project) for name in view.entities]
        keys, features, event, created = _get_column_names(view, entities)
        start, end = task.start_time, task.end_time
        if task.disable_event_timestamp:
            start, end = datetime(1970, 1, 1, tzinfo=UTC), utc_now()
        job = self.offline_store.pull_latest_from_table_or_query(
            config=self.repo_config,
            data_source=view.batch_source,
            join_key_columns=keys,
            feature_name_columns=features,
            timestamp_field=event,
            created_timestamp_column=created,
            start_date=start,
            end_date=end,
        )
        rows = job.to_arrow()
        mapping = view.batch_source.field_mapping
        rows = rows.rename_columns([mapping.get(column, column) for column in rows.column_names])
        if isinstance(self.online_store, WideOnlineStore):
            self.online_store.write_arrow(self.repo_config, view, rows)
        elif rows.num_rows:
            types = {field.name: field.dtype.to_value_type() for field in view.entity_columns}
            protos = _convert_arrow_to_proto(rows.combine_chunks(), view, types)
            self.online_store.online_write_batch(self.repo_config, view, protos, progress=None)
