"""The embedding of one video's text."""

from trenddrop.schemas.table import TIMESTAMP, TableSchema

VIDEO_EMBEDDINGS = TableSchema(
    name="video_embeddings",
    columns={
        "video_id": "!string",
        "model": "!string",
        "text_hash": "!string",
        "vector": "!array<float32>",
        "created_timestamp": f"!{TIMESTAMP}",
    },
    key=("video_id", "model"),
    event_timestamp="created_timestamp",
    clock_columns=frozenset({"created_timestamp"}),
)
