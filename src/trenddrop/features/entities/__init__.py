"""Features of creators, videos and sounds at each hour in which something of them became known."""

from trenddrop.features.entities.build import (
    ENTITIES,
    EntityFeatures,
    build_entity_features,
    entity_features,
)

__all__ = ["ENTITIES", "EntityFeatures", "build_entity_features", "entity_features"]
