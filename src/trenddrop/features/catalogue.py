"""Every feature of every entity: what ``feature_definitions``, the Feast schema and the documentation are made from."""

from trenddrop.features.definition import FeatureDefinition
from trenddrop.features.definitions import DEFINITIONS
from trenddrop.features.entities import ENTITY_DEFINITIONS

ALL_DEFINITIONS: tuple[FeatureDefinition, ...] = (*DEFINITIONS, *ENTITY_DEFINITIONS)
