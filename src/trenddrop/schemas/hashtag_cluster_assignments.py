"""The cluster of one hashtag under one clustering, from the moment at which both were known; append only."""

from trenddrop.schemas.table import TIMESTAMP, TableSchema

HASHTAG_CLUSTER_ASSIGNMENTS = TableSchema(
    name="hashtag_cluster_assignments",
    columns={
        "clustering_id": "!string",
        "hashtag_id": "!string",
        "known_at": f"!{TIMESTAMP}",
        "cluster_id": "!int64",
        "similarity": "!float64",
    },
    key=("clustering_id", "hashtag_id", "known_at"),
    event_timestamp="known_at",
)
