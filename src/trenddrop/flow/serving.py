"""The scoring endpoint over one home."""

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from functools import cache, partial

import numpy as np
import polars as pl
import uvicorn

from trenddrop.adapters.mlflow import MlflowStore
from trenddrop.api import create_app
from trenddrop.api.service import Champion, LiveScoring, VideoParts, WarehouseService
from trenddrop.core.settings import Settings
from trenddrop.core.time import HORIZONS_HOURS, HOUR, Clock, utc_now
from trenddrop.embeddings import PackagedMiniLM
from trenddrop.feature_store import FeatureStoreSession
from trenddrop.feature_store.served import ServedLog, append_served
from trenddrop.flow.intervals import with_newest_outcomes
from trenddrop.flow.training import service_of
from trenddrop.flow.videos import index_folder
from trenddrop.index import ExactIndex
from trenddrop.matching import load_matching
from trenddrop.metadata import load_agent, load_platforms
from trenddrop.registry import ModelVersion, champion_events
from trenddrop.scoring import score
from trenddrop.warehouse import Warehouse, open_warehouse


def serve(settings: Settings, *, host: str, port: int) -> None:
    """Serve until the process is stopped."""
    warehouse = open_warehouse(settings)
    try:
        uvicorn.run(create_app(scoring_service(settings, warehouse)), host=host, port=port, log_level="info")
    finally:
        warehouse.close()


def scoring_service(settings: Settings, warehouse: Warehouse, *, clock: Clock = utc_now) -> WarehouseService:
    """Compose the service from the warehouse, the registry, the online store and the index under the home."""
    folder = index_folder(settings)
    platforms = load_platforms(extra=settings.configs)
    videos = VideoParts(
        embedder=PackagedMiniLM(),
        load_index=lambda: ExactIndex.load(folder),
        index_manifest=folder / "manifest.json",
        matching=load_matching(extra=settings.configs),
        platforms=platforms,
        load_agent=partial(load_agent, platforms=platforms, extra=settings.configs),
    )
    served = served_log(settings)
    live = live_scoring(settings, clock=clock, served=served)
    return WarehouseService(warehouse, videos, live=live, clock=clock, on_close=(served.close,))


def served_log(settings: Settings) -> ServedLog:
    """Return the log of served features; it writes in its own thread, through a warehouse of its own."""

    def write(rows: pl.DataFrame) -> None:
        with closing(open_warehouse(settings)) as warehouse:
            append_served(warehouse, rows)

    return ServedLog(write, share=settings.served_share, rng=np.random.default_rng())


def live_scoring(settings: Settings, *, clock: Clock, served: ServedLog | None = None) -> LiveScoring:
    """Score online features with the champion of each platform.

    What there is is read with the champions, not once: models come while the server runs. A sample of the features
    goes to ``served``.
    """

    @cache  # made when there is a model to score with, by the first who reads the champions
    def sessions() -> tuple[MlflowStore, FeatureStoreSession]:
        return MlflowStore(settings), FeatureStoreSession(settings)

    def champions() -> dict[str, Champion]:
        with closing(open_warehouse(settings)) as warehouse:  # its own: other threads read through the service's
            names = models_that_predict(warehouse)
            return _champions(warehouse, sessions()[0], names, now=clock()) if names else {}

    def online(hashtag_ids: Sequence[str], feature_service: str) -> pl.DataFrame:
        moment = clock()
        rows = sessions()[1].online_features(hashtag_ids, feature_service=feature_service, moment=moment)
        if served is not None:
            served.record(rows, feature_service=feature_service, moment=moment)
        return rows.with_columns(pl.col("hashtag_id").str.split(":").list.first().alias("platform"))

    return LiveScoring(champions=champions, features=online, score=score)


def models_that_predict(warehouse: Warehouse) -> list[str]:
    """Return the names of the models that have predicted here; a shared registry holds those of other homes too."""
    rows = warehouse.table("predictions")
    return sorted(rows.filter(~rows.is_backtest).select("model_name").distinct().to_polars()["model_name"])


def _champions(warehouse: Warehouse, store: MlflowStore, names: Sequence[str], *, now: datetime) -> dict[str, Champion]:
    """Return the champion of each platform: where several models have one, that which became it last."""
    aliased = [store.aliased(name, "champion") for name in names]
    versions = sorted((one for one in aliased if one is not None), key=partial(_champion_since, store))
    newest = {store.params(one.run_id)["platform"]: one for one in versions}
    return {platform: _champion(warehouse, store, version, now=now) for platform, version in newest.items()}


def _champion_since(store: MlflowStore, version: ModelVersion) -> str:
    """Return when the version became champion; one that was set by hand did so before all others."""
    moments = [event.at for event in champion_events(store, version.name) if event.version == version.version]
    return max(moments, default="")


def _champion(warehouse: Warehouse, store: MlflowStore, version: ModelVersion, *, now: datetime) -> Champion:
    params = store.params(version.run_id)
    return Champion(
        model=with_newest_outcomes(warehouse, store.load(version.name, version.version), version),
        name=version.name,
        version=version.version,
        feature_service=service_of(store, version),
        platform=params["platform"],
        candidates=candidates_since(
            warehouse, params["viral_definition_name"], params["platform"], now - max(HORIZONS_HOURS) * HOUR
        ),
    )


def candidates_since(warehouse: Warehouse, definition: str, platform: str, moment: datetime) -> pl.DataFrame:
    """Return hashtag_id and feature_timestamp of what the definition can label after the moment.

    Labels come before the features of their hour are online, as the job that predicts asks them for its candidates.
    """
    labels = warehouse.table("viral_labels")
    labels = labels.filter(
        labels.viral_definition_name == definition,
        labels.platform == platform,
        labels.label_timestamp > moment,
    )
    return labels.select("hashtag_id", feature_timestamp=labels.label_timestamp).distinct().to_polars()
