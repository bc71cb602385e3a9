"""The embedding of one trend's text."""

from trenddrop.schemas.table import TIMESTAMP, TableSchema

TREND_EMBEDDINGS = TableSchema(
    name="trend_embeddings",
    columns={
        "trend_id": "!string",
        "model": "!string",
        "text_hash": "!string",
        "vector": "!array<float32>",
        "created_timestamp": f"!{TIMESTAMP}",
    },
    key=("trend_id", "model"),
    event_timestamp="created_timestamp",
    clock_columns=frozenset({"created_timestamp"}),
)
