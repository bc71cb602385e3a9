"""Features of one hashtag at one hour, computed only from rows visible at that hour."""

from trenddrop.schemas.table import TIMESTAMP, TableSchema

HASHTAG_FEATURES = TableSchema(
    name="hashtag_features",
    columns={
        "hashtag_id": "!string",
        "feature_timestamp": f"!{TIMESTAMP}",
        "created_timestamp": f"!{TIMESTAMP}",
        "platform": "!string",
        "feature_window_hours": "!int64",
        # A: growth
        "velocity": "float64",
        "acceleration": "float64",
        "momentum_score": "float64",
        "view_count_lag_1h": "float64",
        "view_count_lag_6h": "float64",
        "view_count_lag_24h": "float64",
        # B: engagement
        "likes_per_view": "float64",
        "comments_per_view": "float64",
        "shares_per_view": "float64",
        "engagement_efficiency": "float64",
        # F: calendar
        "hour_of_day": "int64",
        "day_of_week": "int64",
        "is_weekend": "boolean",
        "timezone_distribution": "string",
    },
    key=("hashtag_id", "feature_timestamp"),
    event_timestamp="feature_timestamp",
    created_timestamp="created_timestamp",
)
