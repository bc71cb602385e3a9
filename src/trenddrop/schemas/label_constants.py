"""A number that a label definition was fitted with on one platform, frozen: later data never move it."""

from trenddrop.schemas.table import TIMESTAMP, TableSchema

LABEL_CONSTANTS = TableSchema(
    name="label_constants",
    columns={
        "viral_definition_name": "!string",
        "platform": "!string",
        "constant_name": "!string",
        "value": "float64",
        "fitted_until": f"!{TIMESTAMP}",
    },
    key=("viral_definition_name", "platform", "constant_name"),
    event_timestamp="fitted_until",
    retention_days=None,
)
