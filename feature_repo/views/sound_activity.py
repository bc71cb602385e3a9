"""How a sound spreads."""

from datetime import timedelta

from feast import FeatureView, Field
from feast.types import String

from entities import sound
from sources import sound_features
from trenddrop.feature_store.fields import fields_of

sound_activity = FeatureView(
    name="sound_activity",
    description="Use of a sound, how it grows, and the engagement with the videos that use it.",
    entities=[sound],
    schema=[Field(name="sound_id", dtype=String), *fields_of("A", "B", entity="sound")],
    source=sound_features,
    ttl=timedelta(days=7),
)
