"""One cluster of one clustering of the hashtags; a cluster keeps its id over the clusterings that find it again."""

from trenddrop.schemas.table import TIMESTAMP, TableSchema

HASHTAG_CLUSTERS = TableSchema(
    name="hashtag_clusters",
    columns={
        "clustering_id": "!string",
        "cluster_id": "!int64",
        "fitted_at": f"!{TIMESTAMP}",
        "theme_label": "!string",
        "centroid": "!array<float64>",
        "hashtag_count": "!int64",
        "similarity_to_previous": "float64",
        "model": "!string",
        "seed": "!int64",
    },
    key=("clustering_id", "cluster_id"),
    event_timestamp="fitted_at",
    retention_days=None,  # ids are stable only while the clustering before is known
)
