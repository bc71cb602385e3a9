"""Features of one hashtag at one hour, from rows visible at that hour, as Ibis expressions."""

from trenddrop.features.build import HISTORY, build_features, hashtag_features, write_feature_definitions
from trenddrop.features.definition import FeatureDefinition
from trenddrop.features.definitions import DEFINITIONS

__all__ = [
    "DEFINITIONS",
    "HISTORY",
    "FeatureDefinition",
    "build_features",
    "hashtag_features",
    "write_feature_definitions",
]
