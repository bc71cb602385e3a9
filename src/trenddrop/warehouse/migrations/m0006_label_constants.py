"""Version 6: what label definitions were fitted with, which must outlive the metrics that it was fitted on."""

from trenddrop.warehouse.migrations.runner import Migration
from trenddrop.warehouse.migrations.steps import CreateTable

LABEL_CONSTANTS = Migration(
    version=6,
    name="label_constants",
    description="The frozen constants of label definitions, by platform.",
    up=(
        CreateTable(
            "label_constants",
            {
                "viral_definition_name": "!string",
                "platform": "!string",
                "constant_name": "!string",
                "value": "float64",
                "fitted_until": "!timestamp('UTC', 6)",
            },
        ),
    ),
)
