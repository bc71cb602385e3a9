"""Features of one hashtag at one hour, from rows visible at that hour, as Ibis expressions."""

from trenddrop.features.build import HISTORY, build_features, hashtag_features, write_feature_definitions
from trenddrop.features.definition import FeatureDefinition
from trenddrop.features.definitions import DEFINITIONS
from trenddrop.features.page import features_page
from trenddrop.features.registry import FEATURE_SETS, FeatureSet, dependency_tree, find_feature

__all__ = [
    "DEFINITIONS",
    "FEATURE_SETS",
    "HISTORY",
    "FeatureDefinition",
    "FeatureSet",
    "build_features",
    "dependency_tree",
    "features_page",
    "find_feature",
    "hashtag_features",
    "write_feature_definitions",
]
