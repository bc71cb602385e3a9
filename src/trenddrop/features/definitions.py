"""Every feature of ``hashtag_features``, in the order in which the expressions build on one another."""

from trenddrop.features import calendar, engagement, growth, presence, ranking, volume
from trenddrop.features.definition import FeatureDefinition, WindowAggregate

DEFINITIONS: tuple[FeatureDefinition, ...] = (
    *growth.DEFINITIONS,
    *volume.DEFINITIONS,
    *presence.DEFINITIONS,
    *ranking.DEFINITIONS,
    *engagement.DEFINITIONS,
    *calendar.DEFINITIONS,
)

AGGREGATES: tuple[WindowAggregate, ...] = (
    *growth.AGGREGATES,
    *volume.AGGREGATES,
    *presence.AGGREGATES,
    *ranking.AGGREGATES,
    *engagement.AGGREGATES,
)
