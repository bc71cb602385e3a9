"""The tables that features are read from."""

from trenddrop.feature_store.source import WarehouseSource

hashtag_features = WarehouseSource(
    table="hashtag_features",
    timestamp_field="feature_timestamp",
    created_timestamp_column="created_timestamp",
    description="Features of one hashtag at one hour, computed from the rows visible at that hour.",
)

creator_features = WarehouseSource(
    table="creator_features",
    timestamp_field="feature_timestamp",
    created_timestamp_column="created_timestamp",
    description="Features of one creator at one hour in which it was seen, from what was visible at that hour.",
)

video_features = WarehouseSource(
    table="video_features",
    timestamp_field="feature_timestamp",
    created_timestamp_column="created_timestamp",
    description="Features of one video at one hour in which it was seen, from what was visible at that hour.",
)

sound_features = WarehouseSource(
    table="sound_features",
    timestamp_field="feature_timestamp",
    created_timestamp_column="created_timestamp",
    description="Features of one sound at one hour in which it was seen, from what was visible at that hour.",
)
