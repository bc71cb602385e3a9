"""Latest state of one creator; names and biography only with privacy.keep_names."""

from trenddrop.schemas.table import TIMESTAMP, TableSchema

CREATORS = TableSchema(
    name="creators",
    columns={
        "creator_id": "!string",
        "username": "string",
        "display_name": "string",
        "follower_count": "int64",
        "following_count": "int64",
        "video_count": "int64",
        "like_count": "int64",
        "bio": "string",
        "is_verified": "boolean",
        "account_created_at": TIMESTAMP,
        "first_seen_at": f"!{TIMESTAMP}",
        "last_updated_at": f"!{TIMESTAMP}",
        "location": "string",
        "platform": "!string",
    },
    key=("creator_id",),
    event_timestamp="last_updated_at",
)
