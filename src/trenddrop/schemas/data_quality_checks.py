"""The outcome of one rule over one table."""

from trenddrop.schemas.table import TIMESTAMP, TableSchema

DATA_QUALITY_CHECKS = TableSchema(
    name="data_quality_checks",
    columns={
        "id": "!string",
        "check_timestamp": f"!{TIMESTAMP}",
        "table_name": "!string",
        "check_type": "!string",
        "check_description": "!string",
        "records_checked": "!int64",
        "failed_records": "!int64",
        "failure_rate": "!float64",
        "severity": "!string",
        "details": "!string",
        "resolved_at": TIMESTAMP,
    },
    key=("id",),
    event_timestamp="check_timestamp",
    clock_columns=frozenset({"check_timestamp", "id"}),
)
