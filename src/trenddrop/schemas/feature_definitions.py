"""One feature as the code defines it."""

from trenddrop.schemas.table import TIMESTAMP, TableSchema

FEATURE_DEFINITIONS = TableSchema(
    name="feature_definitions",
    columns={
        "feature_name": "!string",
        "feature_group": "!string",
        "description": "!string",
        "data_type": "!string",
        "is_nullable": "!boolean",
        "valid_range_min": "float64",
        "valid_range_max": "float64",
        "computation_lag_minutes": "!int64",
        "depends_on": "!array<string>",
        "version": "!int64",
        "created_at": f"!{TIMESTAMP}",
        "deprecated_at": TIMESTAMP,
        "replaced_by": "string",
    },
    key=("feature_name",),
    retention_days=None,
    clock_columns=frozenset({"created_at"}),
)
