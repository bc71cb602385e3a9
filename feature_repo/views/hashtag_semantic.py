"""What a hashtag is about."""

from datetime import timedelta

from feast import FeatureView, Field
from feast.types import String

from entities import hashtag
from sources import hashtag_features
from trenddrop.feature_store.fields import fields_of

hashtag_semantic = FeatureView(
    name="hashtag_semantic",
    description="Group D: the cluster of a hashtag, its theme and how close the hashtag is to it.",
    entities=[hashtag],
    schema=[Field(name="hashtag_id", dtype=String), *fields_of("D")],
    source=hashtag_features,
    ttl=timedelta(hours=24),
)
