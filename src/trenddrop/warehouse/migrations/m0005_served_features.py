"""Version 5: the feature vectors that were served, kept to be compared with the warehouse."""

from trenddrop.warehouse.migrations.runner import Migration
from trenddrop.warehouse.migrations.steps import CreateTable

COLUMNS = {
    "served_id": "!string",
    "hashtag_id": "!string",
    "served_at": "!timestamp('UTC', 6)",
    "feature_service": "!string",
    "feature_timestamp": "timestamp('UTC', 6)",
    "feature_values": "!string",
}

SERVED_FEATURES = Migration(
    version=5,
    name="served_features",
    description="What was served, to be compared with what the offline store says of the same moments.",
    up=(CreateTable("served_features", COLUMNS),),
)
