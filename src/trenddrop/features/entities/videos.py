"""Features of a video: size, growth, engagement, age."""

from collections.abc import Callable

import ibis
import ibis.expr.types as ir

from trenddrop.features.definition import FeatureDefinition, ratio
from trenddrop.features.entities.states import entity_states, growth, velocity, with_bases
from trenddrop.features.visibility import Stage, lazily
from trenddrop.normalized.hours import hour_of

KEY = "video_id"
TABLE = "video_observations"
WINDOWS_H = (1, 6, 24)

_COUNTERS = ("view_count", "like_count", "comment_count", "share_count", "download_count")
_VALUES = ("platform", "created_at", "hashtag_count", *_COUNTERS)
_VIEWS = (f"{TABLE}.view_count", f"{TABLE}.observed_at")


def video_rows(observations: ir.Table, *, stage: Stage = lazily) -> ir.Table:
    """Return the wide row of each (video, T) in which an observation of the video became known."""
    observations = observations.mutate(hashtag_count=observations.hashtag_ids.length().cast("int64"))
    states = entity_states(observations, key=KEY, values=_VALUES, stage=stage)
    wide = with_bases(states, {"view_count": "views", "like_count": "likes"}, key=KEY, windows_h=WINDOWS_H)
    age = wide.hour - hour_of(wide.created_at)
    return stage(wide.mutate(age_hours=ibis.ifelse(age < 0, 0, age).cast("int64")))  # a clock that runs ahead


def _level(what: str, column: str) -> FeatureDefinition:
    return FeatureDefinition(
        name=f"video_{what}",
        group="A",
        description=f"{what.capitalize()} of the video at T.",
        expression=lambda t: t[column].cast("float64"),
        depends_on=(f"{TABLE}.{column}",),
        valid_min=0.0,
        entity="video",
    )


def _of_views(name: str, what: str, measure: Callable[..., ir.Value], window_h: int) -> FeatureDefinition:
    return FeatureDefinition(
        name=f"{name}_{window_h}h",
        group="A",
        description=f"{what} since what was known {window_h}h before T; null after a reset.",
        expression=lambda t: measure(t, "view_count", "views", window_h),
        depends_on=_VIEWS,
        valid_min=0.0,
        entity="video",
    )


def _per_view(what: str, column: str) -> FeatureDefinition:
    return FeatureDefinition(
        name=f"video_{what}_per_view",
        group="B",
        description=f"{what.capitalize()} over views at T.",
        expression=lambda t: ratio(t[column], t.view_count),
        depends_on=(f"{TABLE}.{column}", f"{TABLE}.view_count"),
        valid_min=0.0,
        entity="video",
    )


DEFINITIONS = (
    _level("views", "view_count"),
    _level("likes", "like_count"),
    _level("comments", "comment_count"),
    _level("shares", "share_count"),
    FeatureDefinition(
        name="video_hashtag_count",
        group="A",
        description="Hashtags of the video at T.",
        expression=lambda t: t.hashtag_count,
        depends_on=(f"{TABLE}.hashtag_ids",),
        dtype="int64",
        valid_min=0.0,
        entity="video",
    ),
    FeatureDefinition(
        name="video_age_hours",
        group="A",
        description="Hours since the video was made.",
        expression=lambda t: t.age_hours,
        depends_on=(f"{TABLE}.created_at",),
        dtype="int64",
        valid_min=0.0,
        entity="video",
    ),
    FeatureDefinition(
        name="video_views_per_hour",
        group="A",
        description="Views at T over the hours since the video was made; null in the hour of its making.",
        expression=lambda t: ratio(t.video_views, t.video_age_hours),
        depends_on=("video_views", "video_age_hours"),
        valid_min=0.0,
        entity="video",
    ),
    *(_of_views("video_view_velocity", "Views won per hour", velocity, w) for w in WINDOWS_H),
    FeatureDefinition(
        name="video_view_acceleration_6h",
        group="A",
        description="Views won per hour over the last 6h, over those of the last 24h; above 1 the video speeds up.",
        expression=lambda t: ratio(t.video_view_velocity_6h, t.video_view_velocity_24h),
        depends_on=("video_view_velocity_6h", "video_view_velocity_24h"),
        valid_min=0.0,
        entity="video",
    ),
    _of_views("video_view_growth", "Share of views won", growth, 24),
    FeatureDefinition(
        name="video_like_velocity_24h",
        group="A",
        description="Likes won per hour since what was known 24h before T; null after a reset.",
        expression=lambda t: velocity(t, "like_count", "likes", 24),
        depends_on=(f"{TABLE}.like_count", f"{TABLE}.observed_at"),
        valid_min=0.0,
        entity="video",
    ),
    _per_view("likes", "like_count"),
    _per_view("comments", "comment_count"),
    _per_view("shares", "share_count"),
    _per_view("downloads", "download_count"),
    FeatureDefinition(
        name="video_engagement_efficiency",
        group="B",
        description="Likes, comments and shares over views at T; null where one of them is unknown.",
        expression=lambda t: t.video_likes_per_view + t.video_comments_per_view + t.video_shares_per_view,
        depends_on=("video_likes_per_view", "video_comments_per_view", "video_shares_per_view"),
        valid_min=0.0,
        entity="video",
    ),
)
