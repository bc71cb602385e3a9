"""Group F, calendar: when T is, and where the creators of the window videos live."""

from trenddrop.features.definition import FeatureDefinition
from trenddrop.features.visibility import truth

SATURDAY = 5
_THURSDAY = 3  # hours are counted from the first one of 1970

DEFINITIONS = (
    FeatureDefinition(
        name="hour_of_day",
        group="F",
        description="Hour of T in UTC.",
        expression=lambda t: t.hour % 24,
        depends_on=(),
        dtype="int64",
        valid_min=0.0,
        valid_max=23.0,
        is_nullable=False,
    ),
    FeatureDefinition(
        name="day_of_week",
        group="F",
        description="Day of the week of T in UTC, 0 = Monday.",
        expression=lambda t: (t.hour // 24 + _THURSDAY) % 7,
        depends_on=(),
        dtype="int64",
        valid_min=0.0,
        valid_max=6.0,
        is_nullable=False,
    ),
    FeatureDefinition(
        name="is_weekend",
        group="F",
        description="Whether T lies on a Saturday or Sunday in UTC.",
        expression=lambda t: truth(t.day_of_week >= SATURDAY),
        depends_on=("day_of_week",),
        dtype="boolean",
        is_nullable=False,
    ),
    FeatureDefinition(
        name="timezone_distribution",
        group="F",
        description=(
            "Share of the window videos (created in (T-24h, T] and visible at T) by creator region, as JSON with"
            " sorted keys; videos of unknown region are left out, null where no region is known."
        ),
        expression=lambda t: t.region_shares,
        depends_on=("video_observations.region", "video_observations.created_at"),
        dtype="string",
    ),
)
