"""Features of one sound at one hour in which the sound was seen, from what was visible at that hour."""

from trenddrop.schemas.table import TIMESTAMP, TableSchema

SOUND_FEATURES = TableSchema(
    name="sound_features",
    columns={
        "sound_id": "!string",
        "feature_timestamp": f"!{TIMESTAMP}",
        "created_timestamp": f"!{TIMESTAMP}",
        "platform": "!string",
        # A: size, growth, activity, age
        "sound_usage": "float64",
        "sound_age_hours": "int64",
        "sound_usage_velocity_1h": "float64",
        "sound_usage_velocity_6h": "float64",
        "sound_usage_velocity_24h": "float64",
        "sound_usage_velocity_7d": "float64",
        "sound_usage_acceleration_24h": "float64",
        "sound_usage_growth_24h": "float64",
        "sound_usage_growth_7d": "float64",
        "sound_videos_24h": "int64",
        "sound_videos_7d": "int64",
        # B: engagement
        "sound_views_per_video_7d": "float64",
        "sound_engagement_7d": "float64",
    },
    key=("sound_id", "feature_timestamp"),
    event_timestamp="feature_timestamp",
    created_timestamp="created_timestamp",
)
