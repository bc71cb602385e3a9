"""Group A, presence: how long and how regularly a hashtag has been seen."""

import ibis
import ibis.expr.types as ir

from trenddrop.features.definition import FeatureDefinition, WindowAggregate

AGGREGATES = (
    WindowAggregate("seen_24h", "seen_hour", "count", oldest_h=23),
    WindowAggregate("seen_7d", "seen_hour", "count", oldest_h=167),
    WindowAggregate("last_seen_hour", "seen_hour", "max", oldest_h=167, newest_h=1),
)

_SEEN = "hashtag_metrics.is_gap"


def gap_share_24h(t: ir.Table) -> ir.FloatingValue:
    """Return the share of the hours in (T-24h, T], from the first visible one on, without an observation."""
    hours = ibis.least(t.age_hours + 1, 24)
    return ibis.greatest(1.0 - t.seen_24h.cast("float64") / hours, 0.0)


DEFINITIONS = (
    FeatureDefinition(
        name="age_hours",
        group="A",
        description="Hours since a row of the hashtag first became visible.",
        expression=lambda t: t.hour - t.first_visible_hour,
        depends_on=("hashtag_metrics.created_timestamp", "hashtag_metrics.timestamp"),
        dtype="int64",
        valid_min=0.0,
        is_nullable=False,
    ),
    FeatureDefinition(
        name="hours_seen_24h",
        group="A",
        description="Hours of (T-24h, T] with an observation of their own.",
        expression=lambda t: t.seen_24h,
        depends_on=(_SEEN,),
        dtype="int64",
        valid_min=1.0,
        valid_max=24.0,
        is_nullable=False,
    ),
    FeatureDefinition(
        name="hours_seen_7d",
        group="A",
        description="Hours of (T-7d, T] with an observation of their own.",
        expression=lambda t: t.seen_7d,
        depends_on=(_SEEN,),
        dtype="int64",
        valid_min=1.0,
        valid_max=168.0,
        is_nullable=False,
    ),
    FeatureDefinition(
        name="hours_since_seen",
        group="A",
        description="Hours since the previous observation, looking back to T-7d; null where there is none.",
        expression=lambda t: (t.hour - t.last_seen_hour).cast("float64"),
        depends_on=(_SEEN,),
        valid_min=1.0,
        valid_max=167.0,
    ),
    FeatureDefinition(
        name="gap_share_24h",
        group="A",
        description="Share of the hours of (T-24h, T], from the first visible row on, without an observation.",
        expression=gap_share_24h,
        depends_on=("age_hours", "hours_seen_24h"),
        valid_min=0.0,
        valid_max=1.0,
        is_nullable=False,
    ),
)
