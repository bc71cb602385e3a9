"""The features of each model, under a name that a model version records; a service that is in use never changes."""

from feast import FeatureService

from views.hashtag_bursts import hashtag_bursts
from views.hashtag_calendar import hashtag_calendar
from views.hashtag_creators import hashtag_creators
from views.hashtag_engagement import hashtag_engagement
from views.hashtag_growth import hashtag_growth
from views.hashtag_lists import hashtag_lists
from views.hashtag_novelty import hashtag_novelty
from views.hashtag_residuals import hashtag_residuals
from views.hashtag_semantic import hashtag_semantic

hashtag_viral_v1 = FeatureService(
    name="hashtag_viral_v1",
    description="What the viral model of the first version reads.",
    features=[hashtag_growth, hashtag_engagement, hashtag_calendar],
)

hashtag_viral_v2 = FeatureService(
    name="hashtag_viral_v2",
    description="The first version, bursts, creators, novelty, themes, and how far off earlier predictions were.",
    features=[
        hashtag_growth,
        hashtag_engagement,
        hashtag_calendar,
        hashtag_bursts,
        hashtag_creators,
        hashtag_novelty,
        hashtag_semantic,
        hashtag_residuals,
    ],
)

hashtag_viral_v3 = FeatureService(
    name="hashtag_viral_v3",
    description="The second version without themes, and the list around a hashtag.",
    features=[
        hashtag_growth,
        hashtag_engagement,
        hashtag_calendar,
        hashtag_bursts,
        hashtag_creators,
        hashtag_novelty,
        hashtag_residuals,
        hashtag_lists,
    ],
)
