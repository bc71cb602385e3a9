"""How new the videos of a hashtag are."""

from datetime import timedelta

from feast import FeatureView, Field
from feast.types import String

from entities import hashtag
from sources import hashtag_features
from trenddrop.feature_store.fields import fields_of
from views import hashtag_arrivals

hashtag_novelty = FeatureView(
    name="hashtag_novelty",
    description="Group E: how a hashtag's videos of the last day differ from those before and from large hashtags.",
    entities=[hashtag],
    schema=[Field(name="hashtag_id", dtype=String), *fields_of("E", excluding=hashtag_arrivals.NAMES)],
    source=hashtag_features,
    ttl=timedelta(hours=24),
)
