"""Group D, semantic: which cluster a hashtag belongs to under the newest clustering fitted at or before T."""

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from trenddrop.features.definition import FeatureDefinition
from trenddrop.features.visibility import NEVER, Stage, lazily, with_columns_of
from trenddrop.normalized.hours import hour_of

_COLUMNS = {"semantic_cluster": "int64", "semantic_label": "string", "semantic_similarity": "float64"}


@dataclass(frozen=True, slots=True)
class ClusterTables:
    """Tables with the columns of ``hashtag_clusters`` and ``hashtag_cluster_assignments``."""

    clusters: ir.Table
    assignments: ir.Table


def with_clusters(wide: ir.Table, tables: ClusterTables | None, *, stage: Stage = lazily) -> ir.Table:
    """Add to the rows (hashtag_id, hour) the cluster, its label and the cosine to its centroid, as known at T.

    Null before the first clustering, without a clustering, and for a hashtag that the newest one does not know yet.
    """
    if tables is None:
        return wide.mutate(**{name: ibis.null(dtype) for name, dtype in _COLUMNS.items()})
    clusters = tables.clusters
    newest = stage(_newest_clusterings(wide, clusters))
    moments = wide.select("hashtag_id", "hour").inner_join(newest, "hour")
    rows = moments.inner_join(_assignment_versions(tables.assignments), ["hashtag_id", "clustering_id"])
    rows = rows.filter(rows.from_hour <= rows.hour, rows.hour < rows.until_hour.fill_null(NEVER))
    themes = clusters.select("clustering_id", "cluster_id", "theme_label")
    rows = rows.inner_join(themes, ["clustering_id", "cluster_id"])
    rows = rows.select(
        "hashtag_id",
        "hour",
        semantic_cluster=rows.cluster_id,
        semantic_label=rows.theme_label,
        semantic_similarity=rows.similarity,
    )
    return with_columns_of(wide, stage(rows), ("hashtag_id", "hour"))


def _newest_clusterings(wide: ir.Table, clusters: ir.Table) -> ir.Table:
    """Return, per hour of ``wide``, the clustering fitted last at or before it; hours before the first are left out."""
    fits = clusters.group_by("clustering_id").aggregate(fitted_at=clusters.fitted_at.max())
    fits = fits.mutate(fitted_hour=hour_of(fits.fitted_at))
    hours = wide.select("hour").distinct()
    pairs = hours.cross_join(fits)
    pairs = pairs.filter(pairs.fitted_hour <= pairs.hour)
    latest = pairs.group_by("hour").aggregate(fitted_at=pairs.fitted_at.max())
    found = latest.inner_join(fits, "fitted_at")
    return found.group_by("hour").aggregate(clustering_id=found.clustering_id.max())


def _assignment_versions(assignments: ir.Table) -> ir.Table:
    """Return each assignment with the hours [from_hour, until_hour) in which it is the newest of its clustering."""
    keys = ("clustering_id", "hashtag_id")
    rows = assignments.select(*keys, "known_at", "cluster_id", "similarity", from_hour=hour_of(assignments.known_at))
    newer = ibis.window(group_by=keys, order_by="known_at", following=(1, 1))
    return rows.mutate(until_hour=rows.from_hour.max().over(newer)).drop("known_at")


_SOURCES = ("hashtag_clusters.fitted_at", "hashtag_cluster_assignments.cluster_id")
_UNDER = "under the newest clustering fitted at or before T"

DEFINITIONS = (
    FeatureDefinition(
        name="cluster_id",
        group="D",
        description=f"Cluster of the hashtag's embedding {_UNDER}; the id lasts over the clusterings.",
        expression=lambda t: t.semantic_cluster,
        depends_on=_SOURCES,
        dtype="int64",
        valid_min=0.0,
    ),
    FeatureDefinition(
        name="theme_label",
        group="D",
        description=f"Words that tell the hashtag's cluster from the others, {_UNDER}.",
        expression=lambda t: t.semantic_label,
        depends_on=("hashtag_clusters.theme_label", *_SOURCES),
        dtype="string",
    ),
    FeatureDefinition(
        name="semantic_similarity_score",
        group="D",
        description=f"Cosine of the hashtag's embedding to the centroid of its cluster, {_UNDER}.",
        expression=lambda t: t.semantic_similarity,
        depends_on=("hashtag_cluster_assignments.similarity", *_SOURCES),
        valid_min=-1.0,
        valid_max=1.0,
    ),
)
