"""Features of hashtags, creators, videos and sounds at an hour, from rows visible then, as Ibis expressions."""

from trenddrop.features.build import HISTORY, build_features, hashtag_features, write_feature_definitions
from trenddrop.features.cluster_history import ClusterSummary, update_clusterings
from trenddrop.features.definition import FeatureDefinition
from trenddrop.features.definitions import DEFINITIONS
from trenddrop.features.entities import ENTITIES, build_entity_features
from trenddrop.features.page import features_page
from trenddrop.features.registry import ALL_DEFINITIONS, FEATURE_SETS, FeatureSet, dependency_tree, find_feature

__all__ = [
    "ALL_DEFINITIONS",
    "DEFINITIONS",
    "ENTITIES",
    "FEATURE_SETS",
    "HISTORY",
    "ClusterSummary",
    "FeatureDefinition",
    "build_entity_features",
    "FeatureSet",
    "build_features",
    "dependency_tree",
    "features_page",
    "find_feature",
    "hashtag_features",
    "update_clusterings",
    "write_feature_definitions",
]
