"""Latest state of one sound."""

from trenddrop.schemas.table import TIMESTAMP, TableSchema

SOUNDS = TableSchema(
    name="sounds",
    columns={
        "sound_id": "!string",
        "title": "string",
        "artist": "string",
        "duration_seconds": "int64",
        "usage_count": "int64",
        "first_seen_at": f"!{TIMESTAMP}",
        "last_updated_at": f"!{TIMESTAMP}",
        "genre": "string",
        "is_original": "boolean",
        "original_video_id": "string",
        "platform": "!string",
    },
    key=("sound_id",),
    event_timestamp="last_updated_at",
)
