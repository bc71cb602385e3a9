"""Counters and tags of one video as one fetch saw them; the counters are cumulative levels."""

from trenddrop.schemas.table import TIMESTAMP, TableSchema

VIDEO_OBSERVATIONS = TableSchema(
    name="video_observations",
    columns={
        "video_id": "!string",
        "observed_at": f"!{TIMESTAMP}",
        "fetched_at": f"!{TIMESTAMP}",
        "created_at": TIMESTAMP,
        "creator_id": "string",
        "view_count": "int64",
        "like_count": "int64",
        "comment_count": "int64",
        "share_count": "int64",
        "download_count": "int64",
        "hashtag_ids": "!array<string>",
        "sound_id": "string",
        "region": "string",
        "platform": "!string",
        "batch_id": "!string",
    },
    key=("video_id", "observed_at", "fetched_at"),
    event_timestamp="observed_at",
    created_timestamp="fetched_at",
)
