"""What one published set of metadata earned."""

from trenddrop.schemas.table import TIMESTAMP, TableSchema

FEEDBACK_SIGNALS = TableSchema(
    name="feedback_signals",
    columns={
        "id": "!string",
        "platform_metadata_id": "!string",
        "engagement_score": "float64",
        "positive_feedback": "!array<string>",
        "negative_feedback": "!array<string>",
        "timestamp": f"!{TIMESTAMP}",
    },
    key=("id",),
    event_timestamp="timestamp",
)
