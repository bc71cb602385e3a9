"""Group B, engagement: how many viewers react, over the known hours of (T-24h, T]."""

import ibis.expr.types as ir

from trenddrop.features.definition import FeatureDefinition, WindowAggregate, ratio

AGGREGATES = (
    WindowAggregate("likes_sum_24h", "like_count", "sum", oldest_h=23),
    WindowAggregate("comments_sum_24h", "comment_count", "sum", oldest_h=23),
    WindowAggregate("shares_sum_24h", "share_count", "sum", oldest_h=23),
)

_VIEWS = "hashtag_metrics.view_count"


def engagement_efficiency(t: ir.Table) -> ir.FloatingValue:
    """Return likes, comments and shares over views; null where one of them is unknown."""
    return t.likes_per_view + t.comments_per_view + t.shares_per_view


DEFINITIONS = (
    FeatureDefinition(
        name="likes_per_view",
        group="B",
        description="Likes over views, both summed over (T-24h, T].",
        expression=lambda t: ratio(t.likes_sum_24h, t.views_sum_24h),
        depends_on=("hashtag_metrics.like_count", _VIEWS),
        valid_min=0.0,
    ),
    FeatureDefinition(
        name="comments_per_view",
        group="B",
        description="Comments over views, both summed over (T-24h, T].",
        expression=lambda t: ratio(t.comments_sum_24h, t.views_sum_24h),
        depends_on=("hashtag_metrics.comment_count", _VIEWS),
        valid_min=0.0,
    ),
    FeatureDefinition(
        name="shares_per_view",
        group="B",
        description="Shares over views, both summed over (T-24h, T].",
        expression=lambda t: ratio(t.shares_sum_24h, t.views_sum_24h),
        depends_on=("hashtag_metrics.share_count", _VIEWS),
        valid_min=0.0,
    ),
    FeatureDefinition(
        name="engagement_efficiency",
        group="B",
        description="likes_per_view + comments_per_view + shares_per_view.",
        expression=engagement_efficiency,
        depends_on=("likes_per_view", "comments_per_view", "shares_per_view"),
        valid_min=0.0,
    ),
)
