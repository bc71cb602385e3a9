"""Counters of one creator as one fetch saw them; cumulative levels."""

from trenddrop.schemas.table import TIMESTAMP, TableSchema

CREATOR_OBSERVATIONS = TableSchema(
    name="creator_observations",
    columns={
        "creator_id": "!string",
        "observed_at": f"!{TIMESTAMP}",
        "fetched_at": f"!{TIMESTAMP}",
        "follower_count": "int64",
        "following_count": "int64",
        "video_count": "int64",
        "like_count": "int64",
        "is_verified": "boolean",
        "platform": "!string",
        "batch_id": "!string",
    },
    key=("creator_id", "observed_at", "fetched_at"),
    event_timestamp="observed_at",
    created_timestamp="fetched_at",
)
