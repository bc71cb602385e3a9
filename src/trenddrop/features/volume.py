"""Group A, volume: how much a hashtag has, as levels and over trailing windows."""

from trenddrop.features.definition import FeatureDefinition, WindowAggregate, ratio

AGGREGATES = (
    WindowAggregate("posts_sum_24h", "video_count", "sum", oldest_h=23),
    WindowAggregate("creators_sum_24h", "creator_count", "sum", oldest_h=23),
)

TOTALS = {"observed_posts": "video_count", "observed_creators": "creator_count"}  # of hashtag_observations

_VIEWS = "hashtag_metrics.view_count"
_POSTS = "hashtag_metrics.video_count"
_CREATORS = "hashtag_metrics.creator_count"

DEFINITIONS = (
    FeatureDefinition(
        name="view_total",
        group="A",
        description="Cumulative views at T.",
        expression=lambda t: t.view_total.cast("float64"),
        depends_on=("hashtag_metrics.view_total",),
        valid_min=0.0,
    ),
    FeatureDefinition(
        name="post_total",
        group="A",
        description="Cumulative posts at T.",
        expression=lambda t: t.observed_posts.cast("float64"),
        depends_on=("hashtag_observations.video_count",),
        valid_min=0.0,
    ),
    FeatureDefinition(
        name="creator_total",
        group="A",
        description="Cumulative creators (or original posts, where a source counts those) at T.",
        expression=lambda t: t.observed_creators.cast("float64"),
        depends_on=("hashtag_observations.creator_count",),
        valid_min=0.0,
    ),
    FeatureDefinition(
        name="views_per_post_total",
        group="A",
        description="Cumulative views over cumulative posts at T.",
        expression=lambda t: ratio(t.view_total, t.post_total),
        depends_on=("view_total", "post_total"),
        valid_min=0.0,
    ),
    FeatureDefinition(
        name="posts_per_creator_total",
        group="A",
        description="Cumulative posts over cumulative creators at T.",
        expression=lambda t: ratio(t.post_total, t.creator_total),
        depends_on=("post_total", "creator_total"),
        valid_min=0.0,
    ),
    FeatureDefinition(
        name="views_1h",
        group="A",
        description="Views gained in (T-1h, T].",
        expression=lambda t: t.view_count.cast("float64"),
        depends_on=(_VIEWS,),
        valid_min=0.0,
    ),
    FeatureDefinition(
        name="views_6h",
        group="A",
        description="Views gained in the known hours of (T-6h, T].",
        expression=lambda t: t.views_sum_6h,
        depends_on=(_VIEWS,),
        valid_min=0.0,
    ),
    FeatureDefinition(
        name="views_24h",
        group="A",
        description="Views gained in the known hours of (T-24h, T].",
        expression=lambda t: t.views_sum_24h,
        depends_on=(_VIEWS,),
        valid_min=0.0,
    ),
    FeatureDefinition(
        name="posts_1h",
        group="A",
        description="Posts added in (T-1h, T].",
        expression=lambda t: t.video_count.cast("float64"),
        depends_on=(_POSTS,),
        valid_min=0.0,
    ),
    FeatureDefinition(
        name="posts_24h",
        group="A",
        description="Posts added in the known hours of (T-24h, T].",
        expression=lambda t: t.posts_sum_24h,
        depends_on=(_POSTS,),
        valid_min=0.0,
    ),
    FeatureDefinition(
        name="creators_24h",
        group="A",
        description="Creators (or original posts) added in the known hours of (T-24h, T].",
        expression=lambda t: t.creators_sum_24h,
        depends_on=(_CREATORS,),
        valid_min=0.0,
    ),
    FeatureDefinition(
        name="views_per_post_24h",
        group="A",
        description="Views over posts, both gained in (T-24h, T].",
        expression=lambda t: ratio(t.views_24h, t.posts_24h),
        depends_on=("views_24h", "posts_24h"),
        valid_min=0.0,
    ),
)
