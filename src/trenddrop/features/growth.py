"""Group A, growth: how fast the views of a hashtag change.

``v(T)`` is the views gained in the hour that ends at T, as visible at T.
"""

import ibis
import ibis.expr.types as ir

from trenddrop.features.definition import FeatureDefinition, WindowAggregate, lag, ratio

AGGREGATES = (
    lag("views_lag_1h", "view_count", hours=1),
    lag("views_lag_2h", "view_count", hours=2),
    lag("views_lag_6h", "view_count", hours=6),
    lag("views_lag_24h", "view_count", hours=24),
    WindowAggregate("views_sum_24h", "view_count", "sum", oldest_h=23),
    WindowAggregate("views_known_24h", "view_count", "count", oldest_h=23),
    WindowAggregate("views_sum_6h", "view_count", "sum", oldest_h=5),
    WindowAggregate("views_sum_6h_before", "view_count", "sum", oldest_h=11, newest_h=6),
)

_VIEWS = "hashtag_metrics.view_count"


@ibis.udf.scalar.builtin
def tanh(x: float) -> float:  # type: ignore[empty-body]
    """Return the hyperbolic tangent, which both engines have."""


def velocity(t: ir.Table) -> ir.FloatingValue:
    """Return (v(T) - v(T-1h)) / v(T-1h)."""
    return ratio(t.view_count - t.views_lag_1h, t.views_lag_1h)


def acceleration(t: ir.Table) -> ir.FloatingValue:
    """Return (velocity(T) - velocity(T-1h)) / abs(velocity(T-1h)), both from rows visible at T."""
    before = ratio(t.views_lag_1h - t.views_lag_2h, t.views_lag_2h)
    return ratio(t.velocity - before, before.abs())


def views_to_mean_24h(t: ir.Table) -> ir.FloatingValue:
    """Return v(T) over the mean of the known v in (T-24h, T]."""
    return ratio(t.view_count * t.views_known_24h, t.views_sum_24h)


def momentum_score(t: ir.Table) -> ir.FloatingValue:
    """Return 0.5 tanh(velocity) + 0.3 tanh(acceleration, null as 0) + 0.2 tanh(v(T) / mean v - 1)."""
    return 0.5 * tanh(t.velocity) + 0.3 * tanh(t.acceleration.fill_null(0.0)) + 0.2 * tanh(t.views_to_mean_24h - 1.0)


def velocity_6h(t: ir.Table) -> ir.FloatingValue:
    """Return the views of (T-6h, T] over those of (T-12h, T-6h], minus 1."""
    return ratio(t.views_sum_6h - t.views_sum_6h_before, t.views_sum_6h_before)


DEFINITIONS = (
    FeatureDefinition(
        name="velocity",
        group="A",
        description="Relative change of the hourly views: (v(T) - v(T-1h)) / v(T-1h).",
        expression=velocity,
        depends_on=(_VIEWS,),
    ),
    FeatureDefinition(
        name="acceleration",
        group="A",
        description="Relative change of velocity: (velocity(T) - velocity(T-1h)) / abs(velocity(T-1h)).",
        expression=acceleration,
        depends_on=("velocity", _VIEWS),
    ),
    FeatureDefinition(
        name="views_to_mean_24h",
        group="A",
        description="v(T) over the mean hourly views of (T-24h, T].",
        expression=views_to_mean_24h,
        depends_on=(_VIEWS,),
    ),
    FeatureDefinition(
        name="momentum_score",
        group="A",
        description="0.5 tanh(velocity) + 0.3 tanh(acceleration, null as 0) + 0.2 tanh(v(T) / mean v(T-24h, T] - 1).",
        expression=momentum_score,
        depends_on=("velocity", "acceleration", "views_to_mean_24h"),
        valid_min=-1.0,
        valid_max=1.0,
    ),
    FeatureDefinition(
        name="view_count_lag_1h",
        group="A",
        description="Views gained in exactly the hour ending at T-1h.",
        expression=lambda t: t.views_lag_1h,
        depends_on=(_VIEWS,),
        valid_min=0.0,
    ),
    FeatureDefinition(
        name="view_count_lag_6h",
        group="A",
        description="Views gained in exactly the hour ending at T-6h.",
        expression=lambda t: t.views_lag_6h,
        depends_on=(_VIEWS,),
        valid_min=0.0,
    ),
    FeatureDefinition(
        name="view_count_lag_24h",
        group="A",
        description="Views gained in exactly the hour ending at T-24h.",
        expression=lambda t: t.views_lag_24h,
        depends_on=(_VIEWS,),
        valid_min=0.0,
    ),
    FeatureDefinition(
        name="velocity_6h",
        group="A",
        description="Relative change of the six-hourly views: views of (T-6h, T] over those of (T-12h, T-6h], minus 1.",
        expression=velocity_6h,
        depends_on=(_VIEWS,),
    ),
)
