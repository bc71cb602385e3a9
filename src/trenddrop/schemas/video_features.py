"""Features of one video at one hour in which the video was seen, from what was visible at that hour."""

from trenddrop.schemas.table import TIMESTAMP, TableSchema

VIDEO_FEATURES = TableSchema(
    name="video_features",
    columns={
        "video_id": "!string",
        "feature_timestamp": f"!{TIMESTAMP}",
        "created_timestamp": f"!{TIMESTAMP}",
        "platform": "!string",
        # A: size, growth, age
        "video_views": "float64",
        "video_likes": "float64",
        "video_comments": "float64",
        "video_shares": "float64",
        "video_hashtag_count": "int64",
        "video_age_hours": "int64",
        "video_views_per_hour": "float64",
        "video_view_velocity_1h": "float64",
        "video_view_velocity_6h": "float64",
        "video_view_velocity_24h": "float64",
        "video_view_acceleration_6h": "float64",
        "video_view_growth_24h": "float64",
        "video_like_velocity_24h": "float64",
        # B: engagement
        "video_likes_per_view": "float64",
        "video_comments_per_view": "float64",
        "video_shares_per_view": "float64",
        "video_downloads_per_view": "float64",
        "video_engagement_efficiency": "float64",
    },
    key=("video_id", "feature_timestamp"),
    event_timestamp="feature_timestamp",
    created_timestamp="created_timestamp",
)
