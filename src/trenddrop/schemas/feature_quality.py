"""Moments and drift of one feature at one evaluation."""

from trenddrop.schemas.table import TIMESTAMP, TableSchema

FEATURE_QUALITY = TableSchema(
    name="feature_quality",
    columns={
        "id": "!string",
        "feature_name": "!string",
        "evaluation_timestamp": f"!{TIMESTAMP}",
        "total_records": "!int64",
        "null_count": "!int64",
        "null_percentage": "!float64",
        "mean_value": "float64",
        "std_value": "float64",
        "min_value": "float64",
        "max_value": "float64",
        "outlier_count": "int64",
        "distribution_drift_score": "float64",
        "quality_score": "float64",
    },
    key=("id",),
    event_timestamp="evaluation_timestamp",
    clock_columns=frozenset({"id", "evaluation_timestamp"}),
)
