"""How far off the predictions of a hashtag were."""

from datetime import timedelta

from feast import FeatureView, Field
from feast.types import String

from entities import hashtag
from sources import hashtag_features
from trenddrop.feature_store.fields import fields_of

hashtag_residuals = FeatureView(
    name="hashtag_residuals",
    description="Group G: the errors of the live predictions of a hashtag whose outcome is known.",
    entities=[hashtag],
    schema=[Field(name="hashtag_id", dtype=String), *fields_of("G")],
    source=hashtag_features,
    ttl=timedelta(hours=24),
)
