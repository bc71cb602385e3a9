"""The probability, issued at a moment, that one hashtag goes viral within a horizon.

``probability_low`` and ``probability_high`` are the ends of its interval (``modeling.conformal`` says what it claims),
null where nothing can be said yet. Quantiles of the hours to the peak, the greatest hour within the horizon, and of the
views of that hour stand beside the widest horizon of a model and are null beside the others.
"""

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
        "probability_low": "float64",
        "probability_high": "float64",
        "hours_to_peak_low": "float64",
        "hours_to_peak": "float64",
        "hours_to_peak_high": "float64",
        "peak_views_low": "float64",
        "peak_views": "float64",
        "peak_views_high": "float64",
    },
    key=("prediction_id",),
    event_timestamp="issued_at",
    created_timestamp="created_timestamp",
    # a run that was killed and started again reads the same rows at another snapshot
    clock_columns=frozenset({"created_timestamp", "snapshot_id"}),
)
