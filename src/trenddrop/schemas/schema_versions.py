"""One migration that was applied."""

from trenddrop.schemas.table import TIMESTAMP, TableSchema

SCHEMA_VERSIONS = TableSchema(
    name="schema_versions",
    columns={
        "version_id": "!int64",
        "version_name": "!string",
        "description": "!string",
        "migration_script": "!string",
        "applied_at": f"!{TIMESTAMP}",
        "applied_by": "!string",
        "rollback_script": "!string",
        "is_current": "!boolean",
    },
    key=("version_id",),
    event_timestamp="applied_at",
    retention_days=None,
    clock_columns=frozenset({"applied_at", "applied_by"}),
)
