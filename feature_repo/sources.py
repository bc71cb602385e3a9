"""The tables that features are read from."""

from trenddrop.feature_store.source import WarehouseSource

hashtag_features = WarehouseSource(
    table="hashtag_features",
    timestamp_field="feature_timestamp",
    created_timestamp_column="created_timestamp",
    description="Features of one hashtag at one hour, computed from the rows visible at that hour.",
)
