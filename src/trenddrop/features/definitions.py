"""Every feature of ``hashtag_features``, in the order in which the expressions build on one another."""

from collections.abc import Sequence

from trenddrop.features import (
    arrivals,
    burst,
    calendar,
    creators,
    engagement,
    growth,
    lists,
    novelty,
    presence,
    ranking,
    residuals,
    rises,
    semantic,
    usual,
    volume,
)
from trenddrop.features.definition import FeatureDefinition, WindowAggregate

DEFINITIONS: tuple[FeatureDefinition, ...] = (
    *growth.DEFINITIONS,
    *volume.DEFINITIONS,
    *presence.DEFINITIONS,
    *ranking.DEFINITIONS,
    *engagement.DEFINITIONS,
    *calendar.DEFINITIONS,
    *burst.DEFINITIONS,
    *creators.DEFINITIONS,
    *novelty.DEFINITIONS,
    *semantic.DEFINITIONS,
    *residuals.DEFINITIONS,
    *lists.DEFINITIONS,
    *rises.DEFINITIONS,
    *arrivals.DEFINITIONS,
    *usual.DEFINITIONS,
)

AGGREGATES: tuple[WindowAggregate, ...] = (
    *growth.AGGREGATES,
    *volume.AGGREGATES,
    *presence.AGGREGATES,
    *ranking.AGGREGATES,
    *engagement.AGGREGATES,
    *burst.AGGREGATES,
    *usual.AGGREGATES,
)


def layers(definitions: Sequence[FeatureDefinition]) -> tuple[tuple[FeatureDefinition, ...], ...]:
    """Group definitions so that each depends on features of earlier groups only: one projection per group."""
    depth: dict[str, int] = {}
    for definition in definitions:
        depth[definition.name] = 1 + max((depth.get(name, -1) for name in definition.depends_on), default=-1)
    return tuple(
        tuple(definition for definition in definitions if depth[definition.name] == level)
        for level in range(max(depth.values()) + 1)
    )
