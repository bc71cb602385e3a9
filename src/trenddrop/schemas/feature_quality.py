"""Nulls, moments, range and drift of one feature over the window that ends at the evaluation."""

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
        "distribution_drift_score": "float64",  # KL divergence
        "quality_score": "float64",
        "population_stability_index": "float64",
        "out_of_range_count": "int64",
        "baseline_records": "int64",
        "baseline_null_percentage": "float64",
        "table_name": "string",
        "platform": "string",
        "histogram": "string",  # JSON: bounds of the bins, counts now and in the baseline
    },
    key=("id",),
    event_timestamp="evaluation_timestamp",
)
