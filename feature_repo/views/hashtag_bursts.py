"""Whether a hashtag does more than the days before let expect."""

from datetime import timedelta

from feast import FeatureView, Field
from feast.types import String

from entities import hashtag
from sources import hashtag_features
from trenddrop.feature_store.fields import fields_of
from trenddrop.features import burst

NAMES = [definition.name for definition in burst.DEFINITIONS]

hashtag_bursts = FeatureView(
    name="hashtag_bursts",
    description="Group A, from version 2 on: longer windows, bursts, and what was seen against what was expected.",
    entities=[hashtag],
    schema=[
        Field(name="hashtag_id", dtype=String),
        *(field for field in fields_of("A") if field.name in NAMES),
    ],
    source=hashtag_features,
    ttl=timedelta(hours=24),
)
