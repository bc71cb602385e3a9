"""The clusterings of the hashtags over time: each is fitted once, on what was visible then, and never changes.

A clustering is fitted at fixed moments on the hashtags of the 30 days before. Until the next one, hashtags that become
known are given to the nearest centroid, from when they are known. Rows are only ever added, and dated by when their
contents were known, so nothing that is fitted later touches a feature of an earlier hour.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import ibis
import numpy as np
import numpy.typing as npt
import polars as pl

from trenddrop.core.errors import ConfigError
from trenddrop.core.ids import content_id
from trenddrop.core.progress import SILENT, Progress
from trenddrop.core.time import as_utc, hour_end
from trenddrop.features.clustering import Cluster, fit_clusters, nearest
from trenddrop.schemas.hashtag_cluster_assignments import HASHTAG_CLUSTER_ASSIGNMENTS
from trenddrop.schemas.hashtag_clusters import HASHTAG_CLUSTERS
from trenddrop.schemas.hashtag_embeddings import HASHTAG_EMBEDDINGS
from trenddrop.schemas.table import TIMESTAMP
from trenddrop.warehouse import Warehouse

WEEK = timedelta(days=7)
SEEN_WITHIN = timedelta(days=30)

_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_STAMP = pl.Datetime("us", "UTC")


@dataclass(frozen=True, slots=True)
class Clustering:
    """The clusters of one fit."""

    clustering_id: str
    fitted_at: datetime
    clusters: tuple[Cluster, ...]


@dataclass(frozen=True, slots=True)
class ClusterSummary:
    """What an update did: clusterings fitted, hashtags given to a cluster, and the newest clustering there is."""

    clusterings: int
    assignments: int
    newest: Clustering | None


def update_clusterings(  # noqa: PLR0913 - what is fitted, until when, how often
    wh: Warehouse,
    *,
    model: str,
    until: datetime,
    every: timedelta = WEEK,
    seed: int = 0,
    progress: Progress = SILENT,
) -> ClusterSummary:
    """Fit the clusterings that are due by ``until`` and assign the hashtags that became known; twice is as once.

    They are due at every multiple of ``every`` since a Monday at midnight; where no such moment lies between the first
    embedding and ``until``, the first one is fitted at ``until``. Reads ``hashtag_embeddings`` of one model.
    """
    if every < timedelta(hours=1):
        raise ConfigError(f"clusters: cannot be fitted every {every}; choose an hour or more")
    embedded = _Embedded.read(wh, model)
    history = clusterings(wh, model)
    moments = list(_due_moments(embedded, history, until=as_utc(until), every=every))
    fitted = 0
    for done, moment in enumerate(moments, start=1):
        found = _fit(wh, embedded, history, moment, model=model, seed=seed)
        if found is not None:
            history.append(found)
            fitted += 1
        progress.advance("clusters", done, len(moments))
    assigned = _assign_missing(wh, embedded, history, until=as_utc(until))
    return ClusterSummary(fitted, assigned, history[-1] if history else None)


def clusterings(wh: Warehouse, model: str) -> list[Clustering]:
    """Return the clusterings of the model's vectors, the oldest first."""
    table = wh.table(HASHTAG_CLUSTERS.name)
    rows = table.filter(table.model == model).order_by("fitted_at", "clustering_id", "cluster_id").to_polars()
    return [
        Clustering(
            str(clustering_id),
            fitted_at,
            tuple(
                Cluster(
                    row["cluster_id"],
                    tuple(row["centroid"]),
                    row["theme_label"],
                    row["hashtag_count"],
                    row["similarity_to_previous"],
                )
                for row in group.iter_rows(named=True)
            ),
        )
        for (clustering_id, fitted_at), group in rows.group_by("clustering_id", "fitted_at", maintain_order=True)
    ]


@dataclass(frozen=True, slots=True)
class _Embedded:
    """The dated vectors of a model, ordered by hashtag and by when they were known."""

    hashtag_ids: npt.NDArray[np.object_]
    known_at: npt.NDArray[np.datetime64]
    text_hashes: Sequence[str]
    words: Sequence[Sequence[str]]
    vectors: npt.NDArray[np.float32]

    @classmethod
    def read(cls, wh: Warehouse, model: str) -> "_Embedded":
        table = wh.table(HASHTAG_EMBEDDINGS.name)
        rows = table.filter(table.model == model).order_by("hashtag_id", "known_at").to_polars()
        flat = rows["vector"].explode(empty_as_null=False).to_numpy() if rows.height else np.zeros(0)
        return cls(
            rows["hashtag_id"].to_numpy().astype(object),
            rows["known_at"].dt.replace_time_zone(None).to_numpy(),
            rows["text_hash"].to_list(),
            rows["words"].to_list(),
            flat.astype(np.float32).reshape(rows.height, -1 if rows.height else 0),
        )

    def newest_at(self, moment: datetime) -> npt.NDArray[np.int64]:
        """Return the newest row of each hashtag that was known at the moment."""
        is_known = self.known_at <= _naive(moment)
        is_replaced = np.zeros(len(is_known), dtype=bool)
        is_replaced[:-1] = (self.hashtag_ids[1:] == self.hashtag_ids[:-1]) & is_known[1:]
        return np.flatnonzero(is_known & ~is_replaced)

    def between(self, after: datetime, before: datetime) -> npt.NDArray[np.int64]:
        """Return the rows that became known after one moment and before another."""
        return np.flatnonzero((self.known_at > _naive(after)) & (self.known_at < _naive(before)))


def _due_moments(
    embedded: _Embedded, history: Sequence[Clustering], *, until: datetime, every: timedelta
) -> Iterator[datetime]:
    if not len(embedded.known_at):
        return
    first = embedded.known_at.min().astype("datetime64[us]").item().replace(tzinfo=UTC)
    moment = _MONDAY + every * -(-(first - _MONDAY) // every)
    if not history and moment > until and first <= until:
        yield hour_end(until) if hour_end(until) == until else hour_end(until) - timedelta(hours=1)
    while moment <= until:
        if not history or moment > history[-1].fitted_at:
            yield moment
        moment += every


def _fit(
    wh: Warehouse, embedded: _Embedded, history: Sequence[Clustering], moment: datetime, *, model: str, seed: int
) -> Clustering | None:
    """Fit on the hashtags that were known and lately seen at the moment, and write the clusters."""
    rows = embedded.newest_at(moment)
    seen = set(_seen_hashtags(wh, moment))
    rows = np.array([i for i in rows.tolist() if embedded.hashtag_ids[i] in seen], dtype=np.int64)
    ids = embedded.hashtag_ids[rows].tolist()
    previous = history[-1].clusters if history else ()
    used = [cluster.cluster_id for clustering in history for cluster in clustering.clusters]
    clusters = fit_clusters(
        ids,
        embedded.vectors[rows],
        [embedded.words[i] for i in rows],
        previous=previous,
        next_id=1 + max(used, default=-1),
        seed=seed,
    )
    if not clusters:
        return None
    texts = content_id(*(f"{name}\x1f{embedded.text_hashes[i]}" for name, i in zip(ids, rows, strict=True)))
    before = history[-1].clustering_id if history else ""
    clustering = Clustering(content_id(model, moment.isoformat(), seed, texts, before), moment, tuple(clusters))
    _write_clusters(wh, clustering, model=model, seed=seed)
    return clustering


def _seen_hashtags(wh: Warehouse, moment: datetime) -> list[str]:
    metrics = wh.table("hashtag_metrics")
    now, since = (ibis.literal(at, type=TIMESTAMP) for at in (moment, moment - SEEN_WITHIN))
    seen = metrics.filter(metrics.timestamp > since, metrics.timestamp <= now, metrics.created_timestamp <= now)
    names: list[str] = seen.select("hashtag_id").distinct().to_polars()["hashtag_id"].to_list()
    return names


def _write_clusters(wh: Warehouse, clustering: Clustering, *, model: str, seed: int) -> None:
    name = HASHTAG_CLUSTERS.name
    rows = pl.DataFrame(
        [
            {
                "clustering_id": clustering.clustering_id,
                "cluster_id": cluster.cluster_id,
                "fitted_at": clustering.fitted_at,
                "theme_label": cluster.theme_label,
                "centroid": list(cluster.centroid),
                "hashtag_count": cluster.hashtag_count,
                "similarity_to_previous": cluster.similarity_to_previous,
                "model": model,
                "seed": seed,
            }
            for cluster in clustering.clusters
        ],
        schema_overrides={"fitted_at": _STAMP, "similarity_to_previous": pl.Float64},
    )

    def write() -> None:
        stored = wh.table(name)
        is_there = (stored.model == model) & (stored.fitted_at >= ibis.literal(clustering.fitted_at, type=TIMESTAMP))
        if not stored.filter(is_there).limit(1).count().to_pyarrow().as_py():  # another process was faster
            wh.append(name, rows)

    wh.transact(write, claim=name)


def _assign_missing(wh: Warehouse, embedded: _Embedded, history: Sequence[Clustering], *, until: datetime) -> int:
    """Write the assignments that are not there; a clustering that has as many as it should is left alone."""
    table = wh.table(HASHTAG_CLUSTER_ASSIGNMENTS.name)
    counts = dict(table.group_by("clustering_id").aggregate(n=table.count()).to_polars().iter_rows())
    assigned = 0
    for i, clustering in enumerate(history):
        later = history[i + 1].fitted_at if i + 1 < len(history) else until + _MICROSECOND
        before = embedded.newest_at(clustering.fitted_at)
        rows = np.concatenate([before, embedded.between(clustering.fitted_at, later)])
        if counts.get(clustering.clustering_id, 0) < len(rows):
            assigned += _assign(wh, embedded, clustering, rows)
    return assigned


def _assign(wh: Warehouse, embedded: _Embedded, clustering: Clustering, rows: npt.NDArray[np.int64]) -> int:
    name = HASHTAG_CLUSTER_ASSIGNMENTS.name
    cluster_ids, similarities = nearest(embedded.vectors[rows], clustering.clusters)
    known_at = np.maximum(embedded.known_at[rows], _naive(clustering.fitted_at))
    wanted = pl.DataFrame(
        {
            "clustering_id": pl.Series([clustering.clustering_id]).new_from_index(0, len(rows)),
            "hashtag_id": pl.Series(embedded.hashtag_ids[rows].tolist(), dtype=pl.String),
            "known_at": pl.Series(known_at).cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
            "cluster_id": pl.Series(cluster_ids, dtype=pl.Int64),
            "similarity": pl.Series(similarities, dtype=pl.Float64),
        }
    )

    def write() -> int:
        stored = wh.table(name)
        mine = (
            stored.filter(stored.clustering_id == clustering.clustering_id).select("hashtag_id", "known_at").to_polars()
        )
        missing = wanted.join(mine, on=["hashtag_id", "known_at"], how="anti", maintain_order="left")
        return wh.append(name, missing) if missing.height else 0

    return wh.transact(write, claim=name)


def _naive(moment: datetime) -> np.datetime64:
    return np.datetime64(as_utc(moment).replace(tzinfo=None), "us")
