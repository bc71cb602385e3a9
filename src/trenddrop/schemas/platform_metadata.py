"""Title, description, hashtags and call to action written for one video on one platform."""

from trenddrop.schemas.table import TIMESTAMP, TableSchema

PLATFORM_METADATA = TableSchema(
    name="platform_metadata",
    columns={
        "id": "!string",
        "video_id": "!string",
        "platform": "!string",
        "title": "!string",
        "description": "!string",
        "hashtags": "!array<string>",
        "cta": "!string",
        "thumbnail_url": "string",
        "trend_matches": "!array<string>",
        "generated_at": f"!{TIMESTAMP}",
        "is_edited_by_user": "!boolean",
        "generation_id": "!string",
    },
    key=("id",),
    event_timestamp="generated_at",
    clock_columns=frozenset({"generated_at"}),
)
