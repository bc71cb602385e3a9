"""Whether one hashtag went viral within the horizon after the label timestamp; null means unknown.

A label that was imported stands beside the automatic one and wins where labels are read (``decided_labels``).
"""

from trenddrop.schemas.table import TIMESTAMP, TableSchema

AUTOMATIC = "automatic"  # the labeling method of what is computed

VIRAL_LABELS = TableSchema(
    name="viral_labels",
    columns={
        "hashtag_id": "!string",
        "label_timestamp": f"!{TIMESTAMP}",
        "prediction_window_hours": "!int64",
        "is_viral": "boolean",
        "viral_definition_name": "!string",
        "actual_peak_timestamp": TIMESTAMP,
        "peak_view_count": "float64",
        "growth_rate_percent": "float64",
        "confidence_score": "float64",
        "labeling_method": "!string",
        "platform": "!string",
        "matured_at": f"!{TIMESTAMP}",
    },
    key=("hashtag_id", "label_timestamp", "prediction_window_hours", "viral_definition_name", "labeling_method"),
    event_timestamp="label_timestamp",
    created_timestamp="matured_at",
)
