"""What one hashtag gained in the hour that ends at the timestamp, as known from the created timestamp on."""

from trenddrop.schemas.table import TIMESTAMP, TableSchema

HASHTAG_METRICS = TableSchema(
    name="hashtag_metrics",
    columns={
        "hashtag_id": "!string",
        "timestamp": f"!{TIMESTAMP}",
        "created_timestamp": f"!{TIMESTAMP}",
        "view_count": "float64",
        "video_count": "float64",
        "creator_count": "float64",
        "like_count": "float64",
        "comment_count": "float64",
        "share_count": "float64",
        "window_duration_minutes": "!int64",
        "score": "float64",
        "view_total": "int64",
        "is_gap": "!boolean",
        "is_reset": "!boolean",
        "platform": "!string",
    },
    key=("hashtag_id", "timestamp", "created_timestamp"),
    event_timestamp="timestamp",
    created_timestamp="created_timestamp",
)
