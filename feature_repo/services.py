"""The features of each model, under a name that a model version records; a service that is in use never changes."""

from feast import FeatureService

from views.hashtag_bursts import hashtag_bursts
from views.hashtag_calendar import hashtag_calendar
from views.hashtag_creators import hashtag_creators
from views.hashtag_engagement import hashtag_engagement
from views.hashtag_growth import hashtag_growth
from views.hashtag_novelty import hashtag_novelty

hashtag_viral_v1 = FeatureService(
    name="hashtag_viral_v1",
    description="What the viral model of the first version reads.",
    features=[hashtag_growth, hashtag_engagement, hashtag_calendar],
)

hashtag_viral_v2 = FeatureService(
    name="hashtag_viral_v2",
    description="The first version, bursts, and what the videos of a hashtag say: their creators and their novelty.",
    features=[
        hashtag_growth,
        hashtag_engagement,
        hashtag_calendar,
        hashtag_bursts,
        hashtag_creators,
        hashtag_novelty,
    ],
)
