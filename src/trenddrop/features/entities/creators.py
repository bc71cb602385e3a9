"""Features of a creator: size, growth, activity, engagement, age."""

from collections.abc import Callable

import ibis.expr.types as ir

from trenddrop.features.definition import FeatureDefinition, ratio
from trenddrop.features.entities.states import entity_states, growth, velocity, with_bases
from trenddrop.features.entities.window_videos import engagement, views_per_video, with_window_videos
from trenddrop.features.visibility import Stage, lazily

KEY = "creator_id"
TABLE = "creator_observations"

_VALUES = ("platform", "follower_count", "following_count", "video_count", "like_count", "is_verified")
_FOLLOWERS, _LIKES, _VIDEOS = f"{TABLE}.follower_count", f"{TABLE}.like_count", f"{TABLE}.video_count"
_WINDOW_VIDEOS = ("video_observations.creator_id", "video_observations.created_at")
_NAMES = {1: "1h", 6: "6h", 24: "24h", 168: "7d"}


def creator_rows(observations: ir.Table, videos: ir.Table | None, *, stage: Stage = lazily) -> ir.Table:
    """Return the wide row of each (creator, T) in which an observation of the creator became known."""
    states = entity_states(observations, key=KEY, values=_VALUES, stage=stage)
    wide = stage(with_bases(states, {"follower_count": "followers", "like_count": "likes"}, key=KEY))
    return with_window_videos(wide, videos, key=KEY, stage=stage)


def _level(name: str, column: str, what: str) -> FeatureDefinition:
    return FeatureDefinition(
        name=name,
        group="A",
        description=f"{what} at T.",
        expression=lambda t: t[column].cast("float64"),
        depends_on=(f"{TABLE}.{column}",),
        valid_min=0.0,
        entity="creator",
    )


def _of_followers(
    name: str, what: str, measure: Callable[..., ir.Value], window_h: int, *, valid_min: float | None = None
) -> FeatureDefinition:
    return FeatureDefinition(
        name=f"{name}_{_NAMES[window_h]}",
        group="A",
        description=f"{what} since what was known {_NAMES[window_h]} before T; negative where followers left.",
        expression=lambda t: measure(t, "follower_count", "followers", window_h, may_fall=True),
        depends_on=(_FOLLOWERS, f"{TABLE}.observed_at"),
        valid_min=valid_min,
        entity="creator",
    )


def _videos(window_h: int) -> FeatureDefinition:
    name = _NAMES[window_h]
    return FeatureDefinition(
        name=f"creator_videos_{name}",
        group="A",
        description=f"Videos that the creator made in (T-{name}, T] and that were known at T.",
        expression=lambda t: t[f"videos_{window_h}h"],
        depends_on=_WINDOW_VIDEOS,
        dtype="int64",
        valid_min=0.0,
        entity="creator",
    )


def _ratio(
    name: str, description: str, expression: Callable[[ir.Table], ir.Value], depends_on: tuple[str, ...]
) -> FeatureDefinition:
    return FeatureDefinition(
        name=name,
        group="B",
        description=description,
        expression=expression,
        depends_on=depends_on,
        valid_min=0.0,
        entity="creator",
    )


DEFINITIONS = (
    _level("creator_followers", "follower_count", "Followers"),
    _level("creator_following", "following_count", "Creators whom the creator follows"),
    _level("creator_videos", "video_count", "Videos in all, by the platform's own count"),
    _level("creator_likes", "like_count", "Likes in all"),
    FeatureDefinition(
        name="creator_is_verified",
        group="A",
        description="Whether the platform vouches for the creator at T.",
        expression=lambda t: t.is_verified,
        depends_on=(f"{TABLE}.is_verified",),
        dtype="boolean",
        entity="creator",
    ),
    FeatureDefinition(
        name="creator_age_hours",
        group="A",
        description="Hours since the creator was first known.",
        expression=lambda t: t.hour - t.first_hour,
        depends_on=(f"{TABLE}.observed_at", f"{TABLE}.fetched_at"),
        dtype="int64",
        valid_min=0.0,
        is_nullable=False,
        entity="creator",
    ),
    *(_of_followers("creator_follower_velocity", "Followers won per hour", velocity, w) for w in (1, 6, 24, 168)),
    *(_of_followers("creator_follower_growth", "Share of followers won", growth, w, valid_min=-1.0) for w in (24, 168)),
    FeatureDefinition(
        name="creator_like_velocity_24h",
        group="A",
        description="Likes won per hour since what was known 24h before T; null after a reset.",
        expression=lambda t: velocity(t, "like_count", "likes", 24),
        depends_on=(_LIKES, f"{TABLE}.observed_at"),
        valid_min=0.0,
        entity="creator",
    ),
    _videos(24),
    _videos(168),
    _ratio(
        "creator_likes_per_video",
        "Likes in all over videos in all.",
        lambda t: ratio(t.creator_likes, t.creator_videos),
        ("creator_likes", "creator_videos"),
    ),
    _ratio(
        "creator_likes_per_follower",
        "Likes in all over followers.",
        lambda t: ratio(t.creator_likes, t.creator_followers),
        ("creator_likes", "creator_followers"),
    ),
    _ratio(
        "creator_followers_per_following",
        "Followers over those whom the creator follows.",
        lambda t: ratio(t.creator_followers, t.creator_following),
        ("creator_followers", "creator_following"),
    ),
    _ratio(
        "creator_views_per_video_7d",
        "Mean views of the creator's videos of (T-7d, T] as known at T.",
        lambda t: views_per_video(t, 168),
        (*_WINDOW_VIDEOS, "video_observations.view_count"),
    ),
    _ratio(
        "creator_engagement_7d",
        "Likes, comments and shares over views of the creator's videos of (T-7d, T] as known at T.",
        lambda t: engagement(t, 168),
        (*_WINDOW_VIDEOS, "video_observations.view_count", "video_observations.like_count"),
    ),
)
