"""One finished part of a long feature build, and what its inputs and definitions were then."""

from trenddrop.schemas.table import TIMESTAMP, TableSchema

FEATURE_CHUNKS = TableSchema(
    name="feature_chunks",
    columns={
        "scope": "!string",
        "chunk_start": f"!{TIMESTAMP}",
        "chunk_end": f"!{TIMESTAMP}",
        "fingerprint": "!string",
        "feature_rows": "!int64",
    },
    key=("scope", "chunk_start"),
    event_timestamp="chunk_end",
)
