"""How fast a hashtag grows."""

from datetime import timedelta

from feast import FeatureView, Field
from feast.types import String

from entities import hashtag
from sources import hashtag_features
from trenddrop.feature_store.fields import fields_of
from views import hashtag_bursts, hashtag_lists, hashtag_rises, hashtag_usual

OTHERS = (hashtag_bursts, hashtag_lists, hashtag_rises, hashtag_usual)  # of group A

hashtag_growth = FeatureView(
    name="hashtag_growth",
    description="Group A: velocity, acceleration, momentum, volume, presence and rank of a hashtag.",
    entities=[hashtag],
    schema=[
        Field(name="hashtag_id", dtype=String),
        *fields_of("A", excluding=[name for view in OTHERS for name in view.NAMES]),
    ],
    source=hashtag_features,
    ttl=timedelta(hours=24),
)
