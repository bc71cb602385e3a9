"""Latest state of one video."""

from trenddrop.schemas.table import TIMESTAMP, TableSchema

VIDEOS = TableSchema(
    name="videos",
    columns={
        "video_id": "!string",
        "creator_id": "string",
        "created_at": TIMESTAMP,
        "last_updated_at": f"!{TIMESTAMP}",
        "caption": "string",
        "duration_seconds": "int64",
        "view_count": "int64",
        "like_count": "int64",
        "comment_count": "int64",
        "share_count": "int64",
        "download_count": "int64",
        "hashtags": "!array<string>",
        "sounds": "!array<string>",
        "effects": "!array<string>",
        "language": "string",
        "is_duet": "boolean",
        "is_stitch": "boolean",
        "platform": "!string",
        "region": "string",
        "first_seen_at": f"!{TIMESTAMP}",
    },
    key=("video_id",),
    event_timestamp="last_updated_at",
)
