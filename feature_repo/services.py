"""The features of each model, under a name that a model version records; a service that is in use never changes.

A view takes in every feature of its group, also one that is defined tomorrow; a service names what it reads.
"""

from feast import FeatureService

from views.hashtag_arrivals import hashtag_arrivals
from views.hashtag_bursts import hashtag_bursts
from views.hashtag_calendar import hashtag_calendar
from views.hashtag_creators import hashtag_creators
from views.hashtag_engagement import hashtag_engagement
from views.hashtag_growth import hashtag_growth
from views.hashtag_lists import hashtag_lists
from views.hashtag_novelty import hashtag_novelty
from views.hashtag_residuals import hashtag_residuals
from views.hashtag_rises import hashtag_rises
from views.hashtag_semantic import hashtag_semantic
from views.hashtag_usual import hashtag_usual

V1 = [
    hashtag_growth[[
        "velocity", "acceleration", "views_to_mean_24h", "momentum_score", "view_count_lag_1h",
        "view_count_lag_6h", "view_count_lag_24h", "velocity_6h", "view_total", "post_total", "creator_total",
        "views_per_post_total", "posts_per_creator_total", "views_1h", "views_6h", "views_24h", "posts_1h",
        "posts_24h", "creators_24h", "views_per_post_24h", "age_hours", "hours_seen_24h", "hours_seen_7d",
        "hours_since_seen", "gap_share_24h", "score", "score_lag_1h", "score_velocity", "score_acceleration",
        "mean_score_6h", "max_score_24h", "score_to_max_24h", "score_rank", "score_rank_lag_1h",
        "rank_change_1h", "best_rank_24h", "score_to_10th", "score_to_top", "platform_score_share",
        "platform_view_share_1h", "platform_list_size", "platform_new_entrants_1h",
    ]],
    hashtag_engagement[[
        "likes_per_view", "comments_per_view", "shares_per_view", "engagement_efficiency",
    ]],
    hashtag_calendar[[
        "hour_of_day", "day_of_week", "is_weekend", "timezone_distribution",
    ]],
]  # fmt: skip
V2 = [
    *V1,
    hashtag_bursts[[
        "views_7d", "velocity_12h", "velocity_24h", "views_to_mean_7d", "views_to_max_24h",
        "views_z_score_24h", "growth_hours_24h", "views_chi_square_1h", "posts_chi_square_6h",
        "creators_chi_square_6h",
    ]],
    hashtag_creators[[
        "unique_creators_count", "creator_diversity_index", "new_creators_ratio", "top_creator_dominance",
    ]],
    hashtag_novelty[[
        "novelty_index", "cross_hashtag_novelty", "sound_novelty_score",
    ]],
    hashtag_semantic[[
        "cluster_id", "theme_label", "semantic_similarity_score",
    ]],
    hashtag_residuals[[
        "last_prediction_error", "prediction_bias_7d", "prediction_variance_7d",
    ]],
]  # fmt: skip
V3 = [
    *(view for view in V2 if view.name != hashtag_semantic.name),
    hashtag_lists[[
        "score_to_above", "score_to_third_above", "score_to_below", "score_to_third_below", "topic_category",
        "category_list_size", "category_top_10",
    ]],
]  # fmt: skip
V4 = [
    *V3,
    hashtag_rises[[
        "hours_since_rise", "hours_between_rises", "hours_between_earlier_rises",
    ]],
]  # fmt: skip
V5 = [
    *V4,
    hashtag_arrivals[[
        "seen_videos_24h", "new_videos_24h", "new_video_views_24h", "new_video_views_per_hour",
        "old_video_views_per_hour", "new_video_age_hours", "seen_video_age_hours",
    ]],
]  # fmt: skip
V6 = [
    *V5,
    hashtag_usual[[
        "mean_views_72h", "views_to_mean_72h", "new_video_views_to_mean_72h", "video_views_to_mean_72h",
    ]],
]  # fmt: skip

hashtag_viral_v1 = FeatureService(
    name="hashtag_viral_v1",
    description="What the viral model of the first version reads.",
    features=V1,
)

hashtag_viral_v2 = FeatureService(
    name="hashtag_viral_v2",
    description="The first version, bursts, creators, novelty, themes, and how far off earlier predictions were.",
    features=V2,
)

hashtag_viral_v3 = FeatureService(
    name="hashtag_viral_v3",
    description="The second version without themes, and the list around a hashtag.",
    features=V3,
)

hashtag_viral_v4 = FeatureService(
    name="hashtag_viral_v4",
    description="The third version, and the rhythm in which views rise.",
    features=V4,
)

hashtag_viral_v5 = FeatureService(
    name="hashtag_viral_v5",
    description="The fourth version, and the videos that arrive with a hashtag.",
    features=V5,
)

hashtag_viral_v6 = FeatureService(
    name="hashtag_viral_v6",
    description="The fifth version, and what is usual for a hashtag over three days.",
    features=V6,
)
