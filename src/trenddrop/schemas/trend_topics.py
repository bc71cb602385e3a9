"""One hashtag, keyword or headline that a video can be matched to."""

from trenddrop.schemas.table import TIMESTAMP, TableSchema

TREND_TOPICS = TableSchema(
    name="trend_topics",
    columns={
        "id": "!string",
        "source": "!string",
        "platform": "!string",
        "trend_type": "!string",
        "title": "!string",
        "tags": "!array<string>",
        "matched_keywords": "!array<string>",
        "score": "float64",
        "fetched_at": f"!{TIMESTAMP}",
        "hashtag_id": "string",
        "description": "string",
        "example_captions": "!array<string>",
    },
    key=("id",),
    event_timestamp="fetched_at",
)
