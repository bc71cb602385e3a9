"""The feature store for the rest of the library: apply, training frames, materialisation, online reads."""

import fcntl
import importlib
import io
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from string import Template
from time import monotonic
from typing import TYPE_CHECKING, Any

import polars as pl
import yaml

from trenddrop.core.errors import ConfigError, NotFoundError, SchemaError
from trenddrop.core.settings import Settings
from trenddrop.core.time import as_utc, utc_now
from trenddrop.feature_store.pins import Pins, frame_sha256, pin, require_same_frame, require_unchanged
from trenddrop.warehouse import Warehouse, open_warehouse

LOOK_EVERY_S = 1.0  # at the registry; it is cached for longer than that
STAMP = pl.Datetime("us", "UTC")

if TYPE_CHECKING:
    from trenddrop.feature_store.wide_rows import WideRows

# Feast imports pandas, torch and SQLAlchemy, which takes seconds: every function imports it when it is called.


class FeatureStoreSession:
    """Feast over one home, kept open: the registry and the connections to the online store are reused.

    ``repo`` is the folder with ``feature_store.yaml``; by default the one that TrendDrop ships.
    """

    def __init__(self, settings: Settings, *, repo: Path | None = None) -> None:
        load_feast()
        from feast import FeatureStore
        from feast.repo_config import RepoConfig

        from trenddrop.feature_store.declarations import feature_repo_folder
        from trenddrop.feature_store.open_rows import SQLITE

        self._settings = settings
        self._folder = repo or feature_repo_folder()
        text = (self._folder / "feature_store.yaml").read_text(encoding="utf-8")
        home = {"TRENDDROP_HOME": str(settings.home.resolve())}
        values = yaml.safe_load(Template(text).safe_substitute({**os.environ, **home}))
        if values["online_store"].get("type", "").endswith("HomeOnlineStore"):
            values["online_store"]["url"] = settings.online_store or SQLITE
        config = RepoConfig(**values)
        config.repo_path = self._folder
        self.feast = FeatureStore(config=config)
        self._plans: dict[str, _OnlinePlan] = {}
        self._looked_at = -LOOK_EVERY_S

    def apply(self) -> list[str]:
        """Bring the registry and the online tables in step with the declarations; return the feature services."""
        from feast.repo_operations import extract_objects_for_apply_delete

        from trenddrop.feature_store.declarations import read_declarations
        from trenddrop.feature_store.source import WarehouseSource

        store = self.feast
        contents = read_declarations(self._folder, project=store.project)
        for source in contents.data_sources:
            if isinstance(source, WarehouseSource):  # Feast's push and request sources cannot be validated
                source.validate(store.config)
        with self._writing_the_registry(), redirect_stdout(io.StringIO()):
            changed, gone, _, _ = extract_objects_for_apply_delete(store.project, store.registry, contents)
            store.apply(changed, objects_to_delete=gone, partial=False)
        return sorted(service.name for service in contents.feature_services)

    def training_frame(
        self, warehouse: Warehouse, entity_df: pl.DataFrame, *, feature_service: str, snapshot: str | None = None
    ) -> pl.DataFrame:
        """Return the entity rows, in their order, with the features that were visible at their moments."""
        from trenddrop.feature_store.access import lend

        service = self._service(feature_service)
        with lend(warehouse, snapshot=snapshot):
            table = self.feast.get_historical_features(entity_df=entity_df, features=service).to_arrow()
        frame = pl.from_arrow(table)
        assert isinstance(frame, pl.DataFrame)  # noqa: S101 - a table never becomes a series
        return frame

    def pin(self, frame: pl.DataFrame, *, feature_service: str, snapshot: str) -> Pins:
        """Return what a run needs to read the frame again: the views as applied, the snapshot, a hash of the frame."""
        pins = pin(self.feast, self._service(feature_service), snapshot=snapshot)
        return replace(pins, frame_sha256=frame_sha256(frame))

    def repeat_frame(self, warehouse: Warehouse, entity_df: pl.DataFrame, pins: Pins) -> pl.DataFrame:
        """Return the frame of a run again, bit for bit.

        Raises SchemaError when a view has changed since, or when the frame differs because the entity rows do.
        """
        service = self._service(pins.feature_service)
        require_unchanged(pins, pin(self.feast, service, snapshot=pins.snapshot_id))
        frame = self.training_frame(
            warehouse, entity_df, feature_service=pins.feature_service, snapshot=pins.snapshot_id
        )
        require_same_frame(pins, frame)
        return frame

    def materialize(self, warehouse: Warehouse, *, start: datetime, end: datetime) -> None:
        """Copy the newest row per entity of those that became visible in [start, end] to the online store."""
        from trenddrop.feature_store.access import lend

        progress = io.StringIO()
        with self._writing_the_registry(), lend(warehouse), redirect_stdout(progress), redirect_stderr(progress):
            self.feast.materialize(as_utc(start), as_utc(end))

    def online_features(self, ids: Sequence[str], *, feature_service: str, moment: datetime) -> pl.DataFrame:
        """Return one row per id, in the order asked for, with the online values that are alive at the moment.

        Beside the key and the features stands ``feature_timestamp``: the newest event among the values, null where
        the store knows nothing that is alive. All views of the service have the same single key, as ``hashtag_id``.
        """
        plan = self._plan(feature_service)
        found = self._online_rows().read(plan.reads, [(one,) for one in ids], moment=as_utc(moment))
        return plan.frame(ids, found)

    def remove_online(self, key: str, ids: Sequence[str]) -> None:
        """Remove the online values of entities for good, from every view whose only key is ``key``."""
        from trenddrop.feature_store.online import wide_table

        rows = self._online_rows()
        for view in self.feast.list_feature_views():
            table = wide_table(self.feast.config, view)
            if table.keys == (key,):
                rows.remove(table, [(one,) for one in ids])

    def close(self) -> None:
        """Release the connections to the online store."""
        from trenddrop.feature_store.online import WideOnlineStore

        online = self.feast._get_provider().online_store  # noqa: SLF001 - Feast offers no other way
        if isinstance(online, WideOnlineStore):
            online.close()

    def _online_rows(self) -> "WideRows":
        from trenddrop.feature_store.online import WideOnlineStore

        online = self.feast._get_provider().online_store  # noqa: SLF001 - Feast offers no other way
        if not isinstance(online, WideOnlineStore):
            raise ConfigError(f"feature_store.yaml: {type(online).__name__} is no online store of wide rows")
        return online.rows(self.feast.config)

    def _service(self, name: str) -> Any:
        from feast.errors import FeatureServiceNotFoundException

        try:
            return self.feast.get_feature_service(name, allow_cache=True)
        except FeatureServiceNotFoundException as error:
            known = [service.name for service in self.feast.list_feature_services()]
            raise NotFoundError(
                f"feature service {name!r}: not applied; known: {', '.join(known) or 'none'}"
            ) from error

    def _plan(self, name: str) -> "_OnlinePlan":
        registry = self.feast.registry
        if monotonic() - self._looked_at > LOOK_EVERY_S:
            registry.list_projects(allow_cache=True)  # reads the file again when its cached copy is too old
            self._looked_at = monotonic()
        version = registry.proto().version_id
        if name not in self._plans or self._plans[name].version != version:
            self._plans[name] = _OnlinePlan(self.feast, self._service(name), version)
        return self._plans[name]

    @contextmanager
    def _writing_the_registry(self) -> Iterator[None]:
        """Exclude other writers of this machine: Feast reads the whole file, changes it and writes it back."""
        folder = self._settings.home.resolve() / "feast"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "registry.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.feast.refresh_registry()
            yield


class _OnlinePlan:
    """What one read of a feature service takes from which wide table."""

    def __init__(self, store: Any, service: Any, version: str) -> None:
        from trenddrop.feature_store.online import online_column, wide_table
        from trenddrop.feature_store.wide_rows import WideRead

        self.version = version
        self.reads = []
        self.columns: list[Callable[[pl.DataFrame], pl.Series]] = []
        keys = set()
        for projection in service.feature_view_projections:
            view = store.get_feature_view(projection.name, allow_registry_cache=True)
            table = wide_table(store.config, view)
            keys.add(table.keys)
            self.reads.append(WideRead(table, {feature.name: feature.name for feature in projection.features}))
            self.columns += [online_column(f.name, f.dtype.to_value_type()) for f in projection.features]
        if len(keys) != 1 or len(key := keys.pop()) != 1:
            raise SchemaError(f"feature service {service.name}: its views have not the same single key; got {keys}")
        self.key = key[0]

    def frame(self, ids: Sequence[str], found: pl.DataFrame) -> pl.DataFrame:
        """Return the answer of the wide rows under the types of the features."""
        stamp = found["__event"].cast(STAMP).alias("feature_timestamp")
        return pl.DataFrame([pl.Series(self.key, ids, dtype=pl.String), stamp, *(one(found) for one in self.columns)])


def apply_repo(settings: Settings) -> list[str]:
    """Run Feast's apply on the shipped ``feature_repo``; return the names of the feature services."""
    with closing(FeatureStoreSession(settings)) as session:
        return session.apply()


def training_frame(
    warehouse: Warehouse,
    settings: Settings,
    entity_df: pl.DataFrame,
    *,
    feature_service: str,
    snapshot: str | None = None,
) -> pl.DataFrame:
    """Return the entity rows, in their order, with the features that were visible at their moments.

    ``entity_df`` has ``hashtag_id`` and ``event_timestamp``; its other columns are carried through. Reads the open
    warehouse, at a snapshot where one is given. Raises NotFoundError for a feature service that is not applied.
    """
    with closing(FeatureStoreSession(settings)) as session:
        return session.training_frame(warehouse, entity_df, feature_service=feature_service, snapshot=snapshot)


def materialize(
    settings: Settings, *, start: datetime | None = None, end: datetime, warehouse: Warehouse | None = None
) -> None:
    """Bring the online store to what was visible at ``end``, from the rows that became visible since ``start``.

    Without ``start``, since the longest time to live of any view before ``end``: older rows are dead by then.
    """
    session = FeatureStoreSession(settings)
    opened = warehouse or open_warehouse(settings)
    try:
        session.materialize(opened, start=start or as_utc(end) - _longest_life(session.feast), end=end)
    finally:
        session.close()
        if warehouse is None:
            opened.close()


def online_features(
    settings: Settings, hashtag_ids: Sequence[str], *, feature_service: str, moment: datetime | None = None
) -> pl.DataFrame:
    """Return one row per hashtag, in the order asked for, with the online values that are alive at the moment.

    Values older than their view's time to live, and hashtags that are not there, are null. ``moment`` is now where
    it is not given. Keep a FeatureStoreSession where this is called often.
    """
    with closing(FeatureStoreSession(settings)) as session:
        return session.online_features(hashtag_ids, feature_service=feature_service, moment=moment or utc_now())


def online_place(settings: Settings) -> str:
    """Return where the online values are kept; raises EngineError where that cannot be reached."""
    from trenddrop.feature_store.open_rows import open_rows

    rows = open_rows(settings.online_store, settings.home)
    try:
        return rows.ping()
    finally:
        rows.close()


def load_feast() -> None:
    """Import Feast without the warning filters that it sets for the whole process."""
    with warnings.catch_warnings(), _undecorated():
        import feast
        import feast.infra.provider
        import feast.on_demand_feature_view  # noqa: F401


@contextmanager
def _undecorated() -> Iterator[None]:
    """Let ``typeguard.typechecked``, with which Feast decorates its classes, leave them as they are.

    For each of 242 methods it would parse and compile the whole module again: half of the time of the import, in every
    process. The types of the arguments of a declaration are not checked then.
    """
    guard: Any = importlib.import_module("typeguard")
    decorator = guard.typechecked
    guard.typechecked = lambda target: target
    try:
        yield
    finally:
        guard.typechecked = decorator


def _longest_life(store: Any) -> timedelta:
    lives = [view.ttl for view in store.list_feature_views()]
    return timedelta(days=365) if not all(lives) else max(lives)
