"""Version 2: features of creators, novelty, longer windows and bursts; the parts of a long build."""

from trenddrop.warehouse.migrations.runner import Migration
from trenddrop.warehouse.migrations.steps import AddColumn, CreateTable

FEATURES: dict[str, str] = {
    "views_7d": "float64",
    "velocity_12h": "float64",
    "velocity_24h": "float64",
    "views_to_mean_7d": "float64",
    "views_to_max_24h": "float64",
    "views_z_score_24h": "float64",
    "growth_hours_24h": "int64",
    "views_chi_square_1h": "float64",
    "posts_chi_square_6h": "float64",
    "creators_chi_square_6h": "float64",
    "unique_creators_count": "int64",
    "creator_diversity_index": "float64",
    "new_creators_ratio": "float64",
    "top_creator_dominance": "float64",
    "novelty_index": "float64",
    "cross_hashtag_novelty": "float64",
    "sound_novelty_score": "float64",
}

FEATURE_CHUNKS: dict[str, str] = {
    "scope": "!string",
    "chunk_start": "!timestamp('UTC', 6)",
    "chunk_end": "!timestamp('UTC', 6)",
    "fingerprint": "!string",
    "feature_rows": "!int64",
}

WINDOW_FEATURES = Migration(
    version=2,
    name="window_features",
    description="Features of creators, novelty, longer windows and bursts; the parts of a long build.",
    up=(
        *(AddColumn("hashtag_features", name, dtype) for name, dtype in FEATURES.items()),
        AddColumn("feature_definitions", "replaced_by", "string"),
        CreateTable("feature_chunks", FEATURE_CHUNKS),
    ),
)
