"""The probability, issued at a moment, that one hashtag goes viral within a horizon."""

from trenddrop.schemas.table import TIMESTAMP, TableSchema

PREDICTIONS = TableSchema(
    name="predictions",
    columns={
        "prediction_id": "!string",
        "hashtag_id": "!string",
        "issued_at": f"!{TIMESTAMP}",
        "prediction_window_hours": "!int64",
        "viral_definition_name": "!string",
        "probability": "!float64",
        "reasons": "!string",
        "model_name": "!string",
        "model_version": "!string",
        "feature_service": "!string",
        "feature_timestamp": f"!{TIMESTAMP}",
        "snapshot_id": "!string",
        "matures_at": f"!{TIMESTAMP}",
        "is_backtest": "!boolean",
        "platform": "!string",
        "created_timestamp": f"!{TIMESTAMP}",
    },
    key=("prediction_id",),
    event_timestamp="issued_at",
    created_timestamp="created_timestamp",
    # a run that was killed and started again reads the same rows at another snapshot
    clock_columns=frozenset({"created_timestamp", "snapshot_id"}),
)
