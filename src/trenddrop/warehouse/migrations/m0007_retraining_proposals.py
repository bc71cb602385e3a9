"""Version 7: how far serving models have drifted, and whether they should be trained again."""

from trenddrop.warehouse.migrations.runner import Migration
from trenddrop.warehouse.migrations.steps import CreateTable

RETRAINING_PROPOSALS = Migration(
    version=7,
    name="retraining_proposals",
    description="Drift of serving models since their training, and proposals to train them again.",
    up=(
        CreateTable(
            "retraining_proposals",
            {
                "proposal_id": "!string",
                "model_name": "!string",
                "model_version": "!string",
                "platform": "!string",
                "viral_definition_name": "!string",
                "window_start": "!timestamp('UTC', 6)",
                "window_end": "!timestamp('UTC', 6)",
                "baseline_start": "!timestamp('UTC', 6)",
                "baseline_end": "!timestamp('UTC', 6)",
                "snapshot_id": "!string",
                "is_proposed": "!boolean",
                "reasons": "!string",
                "measures": "!string",
                "created_timestamp": "!timestamp('UTC', 6)",
            },
        ),
    ),
)
