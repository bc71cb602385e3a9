"""Group A, bursts: longer windows, and what was seen against what the days before let expect."""

import ibis
import ibis.expr.types as ir

from trenddrop.features.definition import FeatureDefinition, WindowAggregate, ratio
from trenddrop.features.visibility import NEVER, with_columns_of

_PARTS = 1 << 20  # views are split below this, so that squares are summed in whole numbers
_LEAST_DEVIATION = 0.01  # of the mean; below that a z-score is the noise of the last digits
_DAY_H = 24

AGGREGATES = (
    WindowAggregate("views_sum_7d", "view_count", "sum", oldest_h=167),
    WindowAggregate("views_known_7d", "view_count", "count", oldest_h=167),
    WindowAggregate("views_sum_12h", "view_count", "sum", oldest_h=11),
    WindowAggregate("views_sum_12h_before", "view_count", "sum", oldest_h=23, newest_h=12),
    WindowAggregate("views_sum_24h_before", "view_count", "sum", oldest_h=47, newest_h=24),
    WindowAggregate("views_max_before", "view_count", "max", oldest_h=23, newest_h=1),
    WindowAggregate("views_known_before", "view_count", "count", oldest_h=23, newest_h=1),
    WindowAggregate("views_whole_before", "view_whole", "whole_sum", oldest_h=23, newest_h=1),
    WindowAggregate("views_high_before", "view_high_square", "whole_sum", oldest_h=23, newest_h=1),
    WindowAggregate("views_crossed_before", "view_crossed", "whole_sum", oldest_h=23, newest_h=1),
    WindowAggregate("views_low_before", "view_low_square", "whole_sum", oldest_h=23, newest_h=1),
    WindowAggregate("views_sum_week_before", "view_count", "sum", oldest_h=167, newest_h=1),
    WindowAggregate("stalled_hour", "stalled", "max", oldest_h=23, is_history=True),
    WindowAggregate("posts_sum_6h", "video_count", "sum", oldest_h=5),
    WindowAggregate("posts_known_6h", "video_count", "count", oldest_h=5),
    WindowAggregate("posts_sum_week_before", "video_count", "sum", oldest_h=167, newest_h=6),
    WindowAggregate("posts_known_week_before", "video_count", "count", oldest_h=167, newest_h=6),
    WindowAggregate("creators_sum_6h", "creator_count", "sum", oldest_h=5),
    WindowAggregate("creators_known_6h", "creator_count", "count", oldest_h=5),
    WindowAggregate("creators_sum_week_before", "creator_count", "sum", oldest_h=167, newest_h=6),
    WindowAggregate("creators_known_week_before", "creator_count", "count", oldest_h=167, newest_h=6),
)

_VIEWS = "hashtag_metrics.view_count"


def with_squares(versions: ir.Table) -> ir.Table:
    """Add the whole views of an hour and the parts of their square, each a whole number."""
    whole = versions.view_count.floor().cast("float64")
    high = (whole / _PARTS).floor().cast("float64")
    low = whole - high * _PARTS
    return versions.mutate(
        view_whole=whole, view_high_square=high * high, view_crossed=high * low, view_low_square=low * low
    )


def with_growth(on_time: ir.Table, versions: ir.Table) -> ir.Table:
    """Add ``stalled``: the hour, where its views did not exceed those of the hour before, both as known then."""
    before = versions.select(
        "hashtag_id", "visible_hour", "superseded_hour", hour=versions.hour + 1, views_before=versions.view_count
    )
    before = before.filter(before.visible_hour <= before.hour, before.superseded_hour.fill_null(NEVER) > before.hour)
    rows = with_columns_of(on_time, before.select("hashtag_id", "hour", "views_before"), ("hashtag_id", "hour"))
    has_grown = (rows.view_count > rows.views_before).fill_null(False)
    return rows.mutate(stalled=ibis.ifelse(has_grown, None, rows.hour).cast("int64")).drop("views_before")


def chi_square(observed: ir.NumericValue, expected: ir.NumericValue) -> ir.FloatingValue:
    """Return (observed - expected)^2 / expected, negative where less was seen than expected."""
    difference = observed - expected
    return ratio(difference * difference.abs(), expected)


def views_z_score_24h(t: ir.Table) -> ir.FloatingValue:
    """Return how many standard deviations v(T) lies above the mean of the other hours of (T-24h, T]."""
    n, total = t.views_known_before.cast("float64"), t.views_whole_before
    squares = t.views_high_before * float(_PARTS**2) + t.views_crossed_before * float(2 * _PARTS) + t.views_low_before
    mean = ratio(total, n)
    deviation = ibis.greatest(ratio(n * squares - total * total, n * n), 0.0).sqrt()
    above = t.view_count.floor().cast("float64") - mean
    return ibis.ifelse(deviation > mean * _LEAST_DEVIATION, ratio(above, deviation), None)


def _surprise(t: ir.Table, what: str) -> ir.FloatingValue:
    mean = ratio(t[f"{what}_sum_week_before"], t[f"{what}_known_week_before"])
    return chi_square(t[f"{what}_sum_6h"], mean * t[f"{what}_known_6h"])


DEFINITIONS = (
    FeatureDefinition(
        name="views_7d",
        group="A",
        description="Views gained in the known hours of (T-7d, T].",
        expression=lambda t: t.views_sum_7d,
        depends_on=(_VIEWS,),
        valid_min=0.0,
    ),
    FeatureDefinition(
        name="velocity_12h",
        group="A",
        description="Relative change of the views of 12 h: those of (T-12h, T] over those of (T-24h, T-12h], minus 1.",
        expression=lambda t: ratio(t.views_sum_12h - t.views_sum_12h_before, t.views_sum_12h_before),
        depends_on=(_VIEWS,),
        valid_min=-1.0,
    ),
    FeatureDefinition(
        name="velocity_24h",
        group="A",
        description="Relative change of the daily views: views of (T-24h, T] over those of (T-48h, T-24h], minus 1.",
        expression=lambda t: ratio(t.views_sum_24h - t.views_sum_24h_before, t.views_sum_24h_before),
        depends_on=(_VIEWS,),
        valid_min=-1.0,
    ),
    FeatureDefinition(
        name="views_to_mean_7d",
        group="A",
        description="v(T) over the mean of the known hourly views of (T-7d, T].",
        expression=lambda t: ratio(t.view_count * t.views_known_7d, t.views_sum_7d),
        depends_on=(_VIEWS,),
        valid_min=0.0,
        valid_max=168.0,
    ),
    FeatureDefinition(
        name="views_to_max_24h",
        group="A",
        description="v(T) over the greatest of the other hourly views of (T-24h, T]; above 1 it is a new peak.",
        expression=lambda t: ratio(t.view_count, t.views_max_before),
        depends_on=(_VIEWS,),
        valid_min=0.0,
    ),
    FeatureDefinition(
        name="views_z_score_24h",
        group="A",
        description=(
            "Standard deviations of the other known hours of (T-24h, T] by which v(T) lies above their mean, in whole"
            " views; null where they deviate by less than 1 % of the mean."
        ),
        expression=views_z_score_24h,
        depends_on=(_VIEWS,),
    ),
    FeatureDefinition(
        name="growth_hours_24h",
        group="A",
        description=(
            "Hours since the last observed hour of (T-24h, T] whose views, as known then, did not exceed those of the"
            " hour before; 24 where there is none."
        ),
        expression=lambda t: t.hour - t.stalled_hour.fill_null(t.hour - _DAY_H),
        depends_on=(_VIEWS,),
        dtype="int64",
        valid_min=0.0,
        valid_max=24.0,
        is_nullable=False,
    ),
    FeatureDefinition(
        name="views_chi_square_1h",
        group="A",
        description=(
            "Observed against expected views of (T-1h, T]: (o - e)^2 / e with the sign of o - e, where e is the mean of"
            " the known hours of (T-7d, T-1h]."
        ),
        expression=lambda t: chi_square(
            t.view_count,
            ratio(t.views_sum_week_before, t.views_known_7d - ibis.ifelse(t.view_count.notnull(), 1, 0)),
        ),
        depends_on=(_VIEWS,),
    ),
    FeatureDefinition(
        name="posts_chi_square_6h",
        group="A",
        description=(
            "Observed against expected posts of the known hours of (T-6h, T]: (o - e)^2 / e with the sign of o - e,"
            " where e comes from the mean of the known hours of (T-7d, T-6h]."
        ),
        expression=lambda t: _surprise(t, "posts"),
        depends_on=("hashtag_metrics.video_count",),
    ),
    FeatureDefinition(
        name="creators_chi_square_6h",
        group="A",
        description=(
            "Observed against expected creators of the known hours of (T-6h, T]: (o - e)^2 / e with the sign of o - e,"
            " where e comes from the mean of the known hours of (T-7d, T-6h]."
        ),
        expression=lambda t: _surprise(t, "creators"),
        depends_on=("hashtag_metrics.creator_count",),
    ),
)
