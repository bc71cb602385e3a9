"""How big, active and liked a creator is."""

from datetime import timedelta

from feast import FeatureView, Field
from feast.types import String

from entities import creator
from sources import creator_features
from trenddrop.feature_store.fields import fields_of

creator_activity = FeatureView(
    name="creator_activity",
    description="Followers, likes and videos of a creator, how they grow, and the engagement with its videos.",
    entities=[creator],
    schema=[Field(name="creator_id", dtype=String), *fields_of("A", "B", entity="creator")],
    source=creator_features,
    ttl=timedelta(days=7),
)
