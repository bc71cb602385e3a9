"""The hour, the day and the regions of a hashtag's row."""

from datetime import timedelta

from feast import FeatureView, Field
from feast.types import String

from entities import hashtag
from sources import hashtag_features
from trenddrop.feature_store.fields import fields_of

hashtag_calendar = FeatureView(
    name="hashtag_calendar",
    description="Group F: hour of day, day of week, weekend and the regions of its creators.",
    entities=[hashtag],
    schema=[Field(name="hashtag_id", dtype=String), *fields_of("F")],
    source=hashtag_features,
    ttl=timedelta(hours=1) - timedelta(microseconds=1),  # an hour of day is true until the next one
)
