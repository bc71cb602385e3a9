"""Counters of one hashtag as one fetch saw them: cumulative levels, or increments of a window."""

from trenddrop.schemas.table import TIMESTAMP, TableSchema

HASHTAG_OBSERVATIONS = TableSchema(
    name="hashtag_observations",
    columns={
        "hashtag_id": "!string",
        "observed_at": f"!{TIMESTAMP}",
        "fetched_at": f"!{TIMESTAMP}",
        "view_count": "int64",
        "video_count": "int64",
        "creator_count": "int64",
        "like_count": "int64",
        "comment_count": "int64",
        "share_count": "int64",
        "view_count_increment": "int64",
        "video_count_increment": "int64",
        "creator_count_increment": "int64",
        "like_count_increment": "int64",
        "comment_count_increment": "int64",
        "share_count_increment": "int64",
        "score": "float64",
        "platform": "!string",
        "batch_id": "!string",
        "category": "string",
    },
    key=("hashtag_id", "observed_at", "fetched_at"),
    event_timestamp="observed_at",
    created_timestamp="fetched_at",
)
