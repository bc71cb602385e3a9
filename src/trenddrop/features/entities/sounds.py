"""Features of a sound: use, growth, activity, engagement, age."""

from collections.abc import Callable

import ibis.expr.types as ir

from trenddrop.features.definition import FeatureDefinition, ratio
from trenddrop.features.entities.states import entity_states, growth, velocity, with_bases
from trenddrop.features.entities.window_videos import engagement, views_per_video, with_window_videos
from trenddrop.features.visibility import Stage, lazily

KEY = "sound_id"
TABLE = "sound_observations"

_VALUES = ("platform", "usage_count")
_USAGE = (f"{TABLE}.usage_count", f"{TABLE}.observed_at")
_WINDOW_VIDEOS = ("video_observations.sound_id", "video_observations.created_at")
_NAMES = {1: "1h", 6: "6h", 24: "24h", 168: "7d"}


def sound_rows(observations: ir.Table, videos: ir.Table | None, *, stage: Stage = lazily) -> ir.Table:
    """Return the wide row of each (sound, T) in which an observation of the sound became known."""
    states = entity_states(observations, key=KEY, values=_VALUES, stage=stage)
    wide = stage(with_bases(states, {"usage_count": "usage"}, key=KEY))
    return with_window_videos(wide, videos, key=KEY, stage=stage)


def _of_usage(name: str, what: str, measure: Callable[..., ir.Value], window_h: int) -> FeatureDefinition:
    return FeatureDefinition(
        name=f"{name}_{_NAMES[window_h]}",
        group="A",
        description=f"{what} since what was known {_NAMES[window_h]} before T; null after a reset.",
        expression=lambda t: measure(t, "usage_count", "usage", window_h),
        depends_on=_USAGE,
        valid_min=0.0,
        entity="sound",
    )


def _videos(window_h: int) -> FeatureDefinition:
    name = _NAMES[window_h]
    return FeatureDefinition(
        name=f"sound_videos_{name}",
        group="A",
        description=f"Videos with the sound that were made in (T-{name}, T] and known at T.",
        expression=lambda t: t[f"videos_{window_h}h"],
        depends_on=_WINDOW_VIDEOS,
        dtype="int64",
        valid_min=0.0,
        entity="sound",
    )


DEFINITIONS = (
    FeatureDefinition(
        name="sound_usage",
        group="A",
        description="Videos that use the sound at T, by the platform's own count.",
        expression=lambda t: t.usage_count.cast("float64"),
        depends_on=(f"{TABLE}.usage_count",),
        valid_min=0.0,
        entity="sound",
    ),
    FeatureDefinition(
        name="sound_age_hours",
        group="A",
        description="Hours since the sound was first known.",
        expression=lambda t: t.hour - t.first_hour,
        depends_on=(f"{TABLE}.observed_at", f"{TABLE}.fetched_at"),
        dtype="int64",
        valid_min=0.0,
        is_nullable=False,
        entity="sound",
    ),
    *(_of_usage("sound_usage_velocity", "Uses won per hour", velocity, w) for w in (1, 6, 24, 168)),
    FeatureDefinition(
        name="sound_usage_acceleration_24h",
        group="A",
        description="Uses won per hour over the last 24h, over those of the last 7d; above 1 the sound speeds up.",
        expression=lambda t: ratio(t.sound_usage_velocity_24h, t.sound_usage_velocity_7d),
        depends_on=("sound_usage_velocity_24h", "sound_usage_velocity_7d"),
        valid_min=0.0,
        entity="sound",
    ),
    *(_of_usage("sound_usage_growth", "Share of uses won", growth, w) for w in (24, 168)),
    _videos(24),
    _videos(168),
    FeatureDefinition(
        name="sound_views_per_video_7d",
        group="B",
        description="Mean views of the videos of (T-7d, T] with the sound as known at T.",
        expression=lambda t: views_per_video(t, 168),
        depends_on=(*_WINDOW_VIDEOS, "video_observations.view_count"),
        valid_min=0.0,
        entity="sound",
    ),
    FeatureDefinition(
        name="sound_engagement_7d",
        group="B",
        description="Likes, comments and shares over views of the videos of (T-7d, T] with the sound as known at T.",
        expression=lambda t: engagement(t, 168),
        depends_on=(*_WINDOW_VIDEOS, "video_observations.view_count", "video_observations.like_count"),
        valid_min=0.0,
        entity="sound",
    ),
)
