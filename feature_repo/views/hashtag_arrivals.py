"""The videos of a hashtag that were seen lately, and the new ones among them."""

from datetime import timedelta

from feast import FeatureView, Field
from feast.types import String

from entities import hashtag
from sources import hashtag_features
from trenddrop.feature_store.fields import fields_of
from trenddrop.features import arrivals

NAMES = [definition.name for definition in arrivals.DEFINITIONS]

hashtag_arrivals = FeatureView(
    name="hashtag_arrivals",
    description="Group E, from version 5 on: videos seen in the last day, and those that were observed only once.",
    entities=[hashtag],
    schema=[
        Field(name="hashtag_id", dtype=String),
        *(field for field in fields_of("E") if field.name in NAMES),
    ],
    source=hashtag_features,
    ttl=timedelta(hours=24),
)
