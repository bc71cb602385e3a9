"""Features of one creator at one hour in which the creator was seen, from what was visible at that hour."""

from trenddrop.schemas.table import TIMESTAMP, TableSchema

CREATOR_FEATURES = TableSchema(
    name="creator_features",
    columns={
        "creator_id": "!string",
        "feature_timestamp": f"!{TIMESTAMP}",
        "created_timestamp": f"!{TIMESTAMP}",
        "platform": "!string",
        # A: size, growth, activity, age
        "creator_followers": "float64",
        "creator_following": "float64",
        "creator_videos": "float64",
        "creator_likes": "float64",
        "creator_is_verified": "boolean",
        "creator_age_hours": "int64",
        "creator_follower_velocity_1h": "float64",
        "creator_follower_velocity_6h": "float64",
        "creator_follower_velocity_24h": "float64",
        "creator_follower_velocity_7d": "float64",
        "creator_follower_growth_24h": "float64",
        "creator_follower_growth_7d": "float64",
        "creator_like_velocity_24h": "float64",
        "creator_videos_24h": "int64",
        "creator_videos_7d": "int64",
        # B: engagement
        "creator_likes_per_video": "float64",
        "creator_likes_per_follower": "float64",
        "creator_followers_per_following": "float64",
        "creator_views_per_video_7d": "float64",
        "creator_engagement_7d": "float64",
    },
    key=("creator_id", "feature_timestamp"),
    event_timestamp="feature_timestamp",
    created_timestamp="created_timestamp",
)
