"""The untouched records of one source system, as text."""

import re

from trenddrop.core.errors import ConfigError
from trenddrop.schemas.table import TIMESTAMP, TableSchema


def raw_data(system: str) -> TableSchema:
    """Return the schema of ``raw_<system>_data``.

    >>> raw_data("tiktok").name
    'raw_tiktok_data'
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", system):
        raise ConfigError(f"source system {system!r}: use up to 41 of a-z, 0-9 and _, starting with a letter")
    return TableSchema(
        name=f"raw_{system}_data",
        columns={
            "id": "!string",
            "fetch_timestamp": TIMESTAMP,
            "entity_type": "!string",
            "raw_json": "!string",
            "source_endpoint": "!string",
            "batch_id": "!string",
            "line_number": "!int64",
            "processing_status": "!string",  # pending, processed, failed, duplicate
            "error_message": "string",
            "content_hash": "!string",
            "created_at": f"!{TIMESTAMP}",
        },
        key=("id",),
        event_timestamp="created_at",
        retention_days=30,
        clock_columns=frozenset({"created_at"}),
    )
