"""The scoring endpoint over one home."""

from collections.abc import Sequence
from contextlib import closing
from functools import partial

import numpy as np
import polars as pl
import uvicorn

from trenddrop.adapters.mlflow import MlflowStore
from trenddrop.api import create_app
from trenddrop.api.service import Champion, LiveScoring, VideoParts, WarehouseService
from trenddrop.core.settings import Settings
from trenddrop.core.time import Clock, utc_now
from trenddrop.embeddings import PackagedMiniLM
from trenddrop.feature_store import FeatureStoreSession
from trenddrop.feature_store.served import ServedLog, append_served
from trenddrop.flow.intervals import with_newest_outcomes
from trenddrop.flow.training import service_of
from trenddrop.flow.videos import index_folder
from trenddrop.index import ExactIndex
from trenddrop.matching import latest_scores, load_matching
from trenddrop.metadata import load_agent, load_platforms
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
    live = live_scoring(settings, warehouse, clock=clock, served=served)
    return WarehouseService(warehouse, videos, live=live, clock=clock, on_close=(served.close,))


def served_log(settings: Settings) -> ServedLog:
    """Return the log of served features; it writes in its own thread, through a warehouse of its own."""

    def write(rows: pl.DataFrame) -> None:
        with closing(open_warehouse(settings)) as warehouse:
            append_served(warehouse, rows)

    return ServedLog(write, share=settings.served_share, rng=np.random.default_rng())


def live_scoring(
    settings: Settings, warehouse: Warehouse, *, clock: Clock, served: ServedLog | None = None
) -> LiveScoring | None:
    """Score online features with the champion, where the predictions come from exactly one model.

    With several (platforms, label definitions) the newest predictions of each are the answer. A sample of the features
    goes to ``served``.
    """
    names = latest_scores(warehouse)["model_name"].unique().to_list()
    if len(names) != 1:
        return None
    store, feast = MlflowStore(settings), FeatureStoreSession(settings)

    def online(hashtag_ids: Sequence[str], feature_service: str) -> pl.DataFrame:
        moment = clock()
        rows = feast.online_features(hashtag_ids, feature_service=feature_service, moment=moment)
        if served is not None:
            served.record(rows, feature_service=feature_service, moment=moment)
        return rows.with_columns(pl.col("hashtag_id").str.split(":").list.first().alias("platform"))

    return LiveScoring(champion=partial(_champion, settings, store, names[0]), features=online, score=score)


def _champion(settings: Settings, store: MlflowStore, name: str) -> Champion | None:
    version = store.aliased(name, "champion")
    if version is None:
        return None
    model = store.load(name, version.version)
    with closing(open_warehouse(settings)) as warehouse:  # its own: other threads read through the service's
        model = with_newest_outcomes(warehouse, model, version)
    return Champion(model, name, version.version, service_of(store, version))
