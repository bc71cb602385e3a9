"""The rhythm of a hashtag's rises."""

from datetime import timedelta

from feast import FeatureView, Field
from feast.types import String

from entities import hashtag
from sources import hashtag_features
from trenddrop.feature_store.fields import fields_of
from trenddrop.features import rises

NAMES = [definition.name for definition in rises.DEFINITIONS]

hashtag_rises = FeatureView(
    name="hashtag_rises",
    description="Group A, from version 4 on: hours since the views last rose, and between the rises before.",
    entities=[hashtag],
    schema=[
        Field(name="hashtag_id", dtype=String),
        *(field for field in fields_of("A") if field.name in NAMES),
    ],
    source=hashtag_features,
    ttl=timedelta(hours=24),
)
