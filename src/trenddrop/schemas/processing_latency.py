"""How long one stage took for one run, against its service level."""

from trenddrop.schemas.table import TIMESTAMP, TableSchema

PROCESSING_LATENCY = TableSchema(
    name="processing_latency",
    columns={
        "id": "!string",
        "process_name": "!string",
        "batch_id": "!string",
        "start_timestamp": f"!{TIMESTAMP}",
        "end_timestamp": f"!{TIMESTAMP}",
        "latency_seconds": "!float64",
        "records_processed": "!int64",
        "status": "!string",
        "sla_met": "!boolean",
    },
    key=("id",),
    event_timestamp="start_timestamp",
    # records_processed too: a run that takes up a killed one's work has less to do
    clock_columns=frozenset(
        {"id", "start_timestamp", "end_timestamp", "latency_seconds", "records_processed", "sla_met"}
    ),
)
