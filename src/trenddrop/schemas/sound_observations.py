"""Usage of one sound as one fetch saw it; a cumulative level."""

from trenddrop.schemas.table import TIMESTAMP, TableSchema

SOUND_OBSERVATIONS = TableSchema(
    name="sound_observations",
    columns={
        "sound_id": "!string",
        "observed_at": f"!{TIMESTAMP}",
        "fetched_at": f"!{TIMESTAMP}",
        "usage_count": "int64",
        "platform": "!string",
        "batch_id": "!string",
    },
    key=("sound_id", "observed_at", "fetched_at"),
    event_timestamp="observed_at",
    created_timestamp="fetched_at",
)
