"""Who makes the videos of a hashtag."""

from datetime import timedelta

from feast import FeatureView, Field
from feast.types import String

from entities import hashtag
from sources import hashtag_features
from trenddrop.feature_store.fields import fields_of

hashtag_creators = FeatureView(
    name="hashtag_creators",
    description="Group C: how many creators make a hashtag's videos of the last day, how even and how new they are.",
    entities=[hashtag],
    schema=[Field(name="hashtag_id", dtype=String), *fields_of("C")],
    source=hashtag_features,
    ttl=timedelta(hours=24),
)
