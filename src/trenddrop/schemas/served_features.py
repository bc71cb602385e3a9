"""One feature vector as it was served: what the model saw of one hashtag at one moment."""

from trenddrop.schemas.table import TIMESTAMP, TableSchema

SERVED_FEATURES = TableSchema(
    name="served_features",
    columns={
        "served_id": "!string",
        "hashtag_id": "!string",
        "served_at": f"!{TIMESTAMP}",
        "feature_service": "!string",
        "feature_timestamp": TIMESTAMP,
        "feature_values": "!string",
    },
    key=("served_id",),
    event_timestamp="served_at",
    retention_days=30,
    clock_columns=frozenset({"served_id", "served_at"}),
)
