"""The list around a hashtag."""

from datetime import timedelta

from feast import FeatureView, Field
from feast.types import String

from entities import hashtag
from sources import hashtag_features
from trenddrop.feature_store.fields import fields_of
from trenddrop.features import lists

NAMES = [definition.name for definition in lists.DEFINITIONS]

hashtag_lists = FeatureView(
    name="hashtag_lists",
    description="Group A, from version 3 on: neighbours by score, and what else of the category is listed.",
    entities=[hashtag],
    schema=[
        Field(name="hashtag_id", dtype=String),
        *(field for field in fields_of("A") if field.name in NAMES),
    ],
    source=hashtag_features,
    ttl=timedelta(hours=24),
)
