"""Group A, the usual: mean hourly views of three days, and what the hour and the seen videos bring against them.

Of a hashtag that is read once a day the last 24 hours tell too little, and a week tells what has passed. The videos are
those of ``features/arrivals.py``; their views per hour of age forecast what the hashtag gains when they are read again.
"""

from trenddrop.features.definition import FeatureDefinition, WindowAggregate, ratio

AGGREGATES = (
    WindowAggregate("views_sum_72h", "view_count", "sum", oldest_h=71),
    WindowAggregate("views_known_72h", "view_count", "count", oldest_h=71),
)

DEFINITIONS = (
    FeatureDefinition(
        name="mean_views_72h",
        group="A",
        description="Mean of the known hourly views of (T-72h, T].",
        expression=lambda t: ratio(t.views_sum_72h, t.views_known_72h),
        depends_on=("hashtag_metrics.view_count",),
        valid_min=0.0,
    ),
    FeatureDefinition(
        name="views_to_mean_72h",
        group="A",
        description="v(T) over the mean of the known hourly views of (T-72h, T].",
        expression=lambda t: ratio(t.view_count, t.mean_views_72h),
        depends_on=("hashtag_metrics.view_count", "mean_views_72h"),
        valid_min=0.0,
        valid_max=72.0,
    ),
    FeatureDefinition(
        name="new_video_views_to_mean_72h",
        group="A",
        description="Views per hour of age of the new videos over the mean of the known hourly views of (T-72h, T].",
        expression=lambda t: ratio(t.new_video_views_per_hour, t.mean_views_72h),
        depends_on=("new_video_views_per_hour", "mean_views_72h"),
        valid_min=0.0,
    ),
    FeatureDefinition(
        name="video_views_to_mean_72h",
        group="A",
        description="Views per hour of age of all seen videos over the mean of the known hourly views of (T-72h, T].",
        expression=lambda t: ratio(t.new_video_views_per_hour + t.old_video_views_per_hour, t.mean_views_72h),
        depends_on=("new_video_views_per_hour", "old_video_views_per_hour", "mean_views_72h"),
        valid_min=0.0,
    ),
)
