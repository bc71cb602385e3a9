"""Version 4: what the evaluation of features compares with, and how far they have moved from it."""

from trenddrop.warehouse.migrations.runner import Migration
from trenddrop.warehouse.migrations.steps import AddColumn

COLUMNS = {
    "population_stability_index": "float64",
    "out_of_range_count": "int64",
    "baseline_records": "int64",
    "baseline_null_percentage": "float64",
    "table_name": "string",
    "platform": "string",
    "histogram": "string",
}

FEATURE_DRIFT = Migration(
    version=4,
    name="feature_drift",
    description="Range, baseline, PSI and histogram beside the drift of a feature, by table and platform.",
    up=tuple(AddColumn("feature_quality", column, dtype) for column, dtype in COLUMNS.items()),
)
