"""How its viewers answer a hashtag."""

from datetime import timedelta

from feast import FeatureView, Field
from feast.types import String

from entities import hashtag
from sources import hashtag_features
from trenddrop.feature_store.fields import fields_of

hashtag_engagement = FeatureView(
    name="hashtag_engagement",
    description="Group B: likes, comments and shares per view of a hashtag.",
    entities=[hashtag],
    schema=[Field(name="hashtag_id", dtype=String), *fields_of("B")],
    source=hashtag_features,
    ttl=timedelta(hours=24),
)
