"""How a video does."""

from datetime import timedelta

from feast import FeatureView, Field
from feast.types import String

from entities import video
from sources import video_features
from trenddrop.feature_store.fields import fields_of

video_activity = FeatureView(
    name="video_activity",
    description="Views and reactions of a video, how they grow, and its age.",
    entities=[video],
    schema=[Field(name="video_id", dtype=String), *fields_of("A", "B", entity="video")],
    source=video_features,
    ttl=timedelta(hours=24),
)
