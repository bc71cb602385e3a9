"""Features of hashtags, creators, videos and sounds at an hour, from rows visible then, as Ibis expressions."""

from trenddrop.features.build import HISTORY, build_features, hashtag_features, write_feature_definitions
from trenddrop.features.catalogue import ALL_DEFINITIONS
from trenddrop.features.cluster_history import ClusterSummary, update_clusterings
from trenddrop.features.definition import FeatureDefinition
from trenddrop.features.definitions import DEFINITIONS
from trenddrop.features.entities import ENTITIES, build_entity_features

__all__ = [
    "ALL_DEFINITIONS",
    "DEFINITIONS",
    "ENTITIES",
    "HISTORY",
    "ClusterSummary",
    "FeatureDefinition",
    "build_entity_features",
    "build_features",
    "hashtag_features",
    "update_clusterings",
    "write_feature_definitions",
]
