"""Latest state of one hashtag, keyword or headline."""

from trenddrop.schemas.table import TIMESTAMP, TableSchema

HASHTAGS = TableSchema(
    name="hashtags",
    columns={
        "hashtag_id": "!string",
        "name": "!string",
        "first_seen_at": f"!{TIMESTAMP}",
        "last_updated_at": f"!{TIMESTAMP}",
        "total_lifetime_views": "int64",
        "total_lifetime_videos": "int64",
        "status": "!string",
        "language": "string",
        "geographic_region": "string",
        "platform": "!string",
        "trend_type": "!string",
        "title": "string",
        "category": "string",
        "description": "string",
    },
    key=("hashtag_id",),
    event_timestamp="last_updated_at",
)
