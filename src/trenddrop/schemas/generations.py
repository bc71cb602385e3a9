"""One run of a metadata generator: inputs, output, cost and quality."""

from trenddrop.schemas.table import TIMESTAMP, TableSchema

GENERATIONS = TableSchema(
    name="generations",
    columns={
        "id": "!string",
        "agent_id": "!string",
        "platform": "!string",
        "prompt": "!string",
        "input": "!string",
        "output": "!string",
        "model": "!string",
        "provider": "!string",
        "input_tokens": "int64",
        "output_tokens": "int64",
        "cost": "!float64",
        "duration_ms": "!float64",
        "status": "!string",
        "error": "string",
        "quality_score": "float64",
        "originality_score": "float64",
        "propensities": "!string",
        "created_at": f"!{TIMESTAMP}",
    },
    key=("id",),
    event_timestamp="created_at",
    clock_columns=frozenset({"created_at", "duration_ms"}),
)
