"""One module per table: columns, dtypes, keys, event timestamp, retention."""

from trenddrop.schemas.creator_features import CREATOR_FEATURES
from trenddrop.schemas.creator_observations import CREATOR_OBSERVATIONS
from trenddrop.schemas.creators import CREATORS
from trenddrop.schemas.data_quality_checks import DATA_QUALITY_CHECKS
from trenddrop.schemas.feature_chunks import FEATURE_CHUNKS
from trenddrop.schemas.feature_definitions import FEATURE_DEFINITIONS
from trenddrop.schemas.feature_quality import FEATURE_QUALITY
from trenddrop.schemas.feedback_signals import FEEDBACK_SIGNALS
from trenddrop.schemas.generations import GENERATIONS
from trenddrop.schemas.hashtag_cluster_assignments import HASHTAG_CLUSTER_ASSIGNMENTS
from trenddrop.schemas.hashtag_clusters import HASHTAG_CLUSTERS
from trenddrop.schemas.hashtag_embeddings import HASHTAG_EMBEDDINGS
from trenddrop.schemas.hashtag_features import HASHTAG_FEATURES
from trenddrop.schemas.hashtag_metrics import HASHTAG_METRICS
from trenddrop.schemas.hashtag_observations import HASHTAG_OBSERVATIONS
from trenddrop.schemas.hashtags import HASHTAGS
from trenddrop.schemas.ingestion_batches import INGESTION_BATCHES
from trenddrop.schemas.label_constants import LABEL_CONSTANTS
from trenddrop.schemas.platform_metadata import PLATFORM_METADATA
from trenddrop.schemas.post_schedules import POST_SCHEDULES
from trenddrop.schemas.predictions import PREDICTIONS
from trenddrop.schemas.processing_latency import PROCESSING_LATENCY
from trenddrop.schemas.raw_data import raw_data
from trenddrop.schemas.retraining_proposals import RETRAINING_PROPOSALS
from trenddrop.schemas.schema_versions import SCHEMA_VERSIONS
from trenddrop.schemas.served_features import SERVED_FEATURES
from trenddrop.schemas.sound_features import SOUND_FEATURES
from trenddrop.schemas.sound_observations import SOUND_OBSERVATIONS
from trenddrop.schemas.sounds import SOUNDS
from trenddrop.schemas.table import TableSchema
from trenddrop.schemas.trend_embeddings import TREND_EMBEDDINGS
from trenddrop.schemas.trend_matches import TREND_MATCHES
from trenddrop.schemas.trend_topics import TREND_TOPICS
from trenddrop.schemas.video_embeddings import VIDEO_EMBEDDINGS
from trenddrop.schemas.video_features import VIDEO_FEATURES
from trenddrop.schemas.video_observations import VIDEO_OBSERVATIONS
from trenddrop.schemas.videos import VIDEOS
from trenddrop.schemas.viral_labels import VIRAL_LABELS

TABLES: dict[str, TableSchema] = {
    schema.name: schema
    for schema in (
        CREATOR_FEATURES,
        CREATOR_OBSERVATIONS,
        CREATORS,
        DATA_QUALITY_CHECKS,
        FEATURE_CHUNKS,
        FEATURE_DEFINITIONS,
        FEATURE_QUALITY,
        FEEDBACK_SIGNALS,
        GENERATIONS,
        HASHTAG_CLUSTER_ASSIGNMENTS,
        HASHTAG_CLUSTERS,
        HASHTAG_EMBEDDINGS,
        HASHTAG_FEATURES,
        HASHTAG_METRICS,
        HASHTAG_OBSERVATIONS,
        HASHTAGS,
        INGESTION_BATCHES,
        LABEL_CONSTANTS,
        PLATFORM_METADATA,
        POST_SCHEDULES,
        PREDICTIONS,
        PROCESSING_LATENCY,
        RETRAINING_PROPOSALS,
        SCHEMA_VERSIONS,
        SOUND_FEATURES,
        SERVED_FEATURES,
        SOUND_OBSERVATIONS,
        SOUNDS,
        TREND_EMBEDDINGS,
        TREND_MATCHES,
        TREND_TOPICS,
        VIDEO_EMBEDDINGS,
        VIDEO_FEATURES,
        VIDEO_OBSERVATIONS,
        VIDEOS,
        VIRAL_LABELS,
    )
}

__all__ = ["TABLES", "TableSchema", "raw_data"]
