"""A vector of one hashtag, and the words behind it, from the moment at which they were known; append only."""

from trenddrop.schemas.table import TIMESTAMP, TableSchema

HASHTAG_EMBEDDINGS = TableSchema(
    name="hashtag_embeddings",
    columns={
        "hashtag_id": "!string",
        "model": "!string",
        "known_at": f"!{TIMESTAMP}",
        "text_hash": "!string",
        "words": "!array<string>",
        "vector": "!array<float32>",
    },
    key=("hashtag_id", "model", "known_at"),
    event_timestamp="known_at",
    retention_days=None,  # a name is embedded once, when it is first seen
)
