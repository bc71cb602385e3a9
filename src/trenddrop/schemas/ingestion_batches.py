"""One input file (or stream window) that was taken in exactly once; its id is the hash of its content."""

from trenddrop.schemas.table import TIMESTAMP, TableSchema

INGESTION_BATCHES = TableSchema(
    name="ingestion_batches",
    columns={
        "batch_id": "!string",
        "entity_type": "!string",
        "fetch_window_start": TIMESTAMP,
        "fetch_window_end": TIMESTAMP,
        "total_records": "!int64",
        "processed_records": "!int64",
        "failed_records": "!int64",
        "duplicate_records": "!int64",
        "status": "!string",
        "created_at": f"!{TIMESTAMP}",
        "completed_at": TIMESTAMP,
        "source_system": "!string",
        "source_uri": "!string",
        "content_hash": "!string",
    },
    key=("batch_id",),
    event_timestamp="fetch_window_end",
    clock_columns=frozenset({"created_at", "completed_at", "source_uri"}),
)
