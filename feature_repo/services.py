"""The features of each model, under a name that a model version records."""

from feast import FeatureService

from views.hashtag_calendar import hashtag_calendar
from views.hashtag_engagement import hashtag_engagement
from views.hashtag_growth import hashtag_growth

hashtag_viral_v1 = FeatureService(
    name="hashtag_viral_v1",
    description="What the viral model of the first version reads.",
    features=[hashtag_growth, hashtag_engagement, hashtag_calendar],
)
