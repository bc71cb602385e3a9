"""Whether a serving model should be trained again: how far its newest window is from what it learned from."""

from trenddrop.schemas.table import TIMESTAMP, TableSchema

RETRAINING_PROPOSALS = TableSchema(
    name="retraining_proposals",
    columns={
        "proposal_id": "!string",
        "model_name": "!string",
        "model_version": "!string",
        "platform": "!string",
        "viral_definition_name": "!string",
        "window_start": f"!{TIMESTAMP}",
        "window_end": f"!{TIMESTAMP}",
        "baseline_start": f"!{TIMESTAMP}",
        "baseline_end": f"!{TIMESTAMP}",
        "snapshot_id": "!string",  # of the training, from which the baseline is read
        "is_proposed": "!boolean",
        "reasons": "!string",  # JSON list of sentences
        "measures": "!string",  # JSON list: kind, name, value, bound, records, is_drifted
        "created_timestamp": f"!{TIMESTAMP}",
    },
    key=("proposal_id",),
    event_timestamp="window_end",
    created_timestamp="created_timestamp",
    clock_columns=frozenset({"created_timestamp"}),
)
