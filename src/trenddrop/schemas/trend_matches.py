"""One trend that fits one video."""

from trenddrop.schemas.table import TIMESTAMP, TableSchema

TREND_MATCHES = TableSchema(
    name="trend_matches",
    columns={
        "match_id": "!string",
        "video_id": "!string",
        "trend_id": "!string",
        "similarity": "!float64",
        "probability_6h": "float64",
        "probability_12h": "float64",
        "probability_24h": "float64",
        "probability_48h": "float64",
        "rank_score": "!float64",
        "rank": "!int64",
        "matched_at": f"!{TIMESTAMP}",
    },
    key=("match_id",),
    event_timestamp="matched_at",
    clock_columns=frozenset({"matched_at"}),
)
