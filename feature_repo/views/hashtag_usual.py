"""The usual views of a hashtag, and what is to come against them."""

from datetime import timedelta

from feast import FeatureView, Field
from feast.types import String

from entities import hashtag
from sources import hashtag_features
from trenddrop.feature_store.fields import fields_of
from trenddrop.features import usual

NAMES = [definition.name for definition in usual.DEFINITIONS]

hashtag_usual = FeatureView(
    name="hashtag_usual",
    description="Group A, from version 6 on: mean views of three days; the hour's and the videos' against them.",
    entities=[hashtag],
    schema=[
        Field(name="hashtag_id", dtype=String),
        *(field for field in fields_of("A") if field.name in NAMES),
    ],
    source=hashtag_features,
    ttl=timedelta(hours=24),
)
