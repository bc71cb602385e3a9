"""Group A, rises: the rhythm in which the views of a hashtag grow, where they do not grow at every reading.

A total that is shown rounded ("215.7M") stands still for hours or days and then jumps by its last digit. When it will
jump next is told by when it did before, over longer than the windows of the other features. A rise is an observed hour
whose views were above 0, as known when the hour ended; what is learnt later does not change it.
"""

from datetime import timedelta

import ibis
import ibis.expr.types as ir

from trenddrop.features.definition import FeatureDefinition
from trenddrop.features.running import running_totals
from trenddrop.features.visibility import Stage, lazily, visible_hour, with_columns_of
from trenddrop.normalized.hours import hour_of

RISES_WITHIN = timedelta(days=28)
_WITHIN_H = RISES_WITHIN // timedelta(hours=1)
_RISES = ("last_rise", "rise_before", "rise_before_that")


def with_rises(wide: ir.Table, metrics: ir.Table, *, hours: int | None = None, stage: Stage = lazily) -> ir.Table:
    """Add the hours of the last three rises in (T-28d, T], null where there were fewer.

    ``metrics`` are those of the hours from 28 days before the first row of ``wide`` to its last. ``hours`` says that
    ``wide`` spans no more, so that the newest rises of a hashtag are enough, and changes nothing else.
    """
    rises = _rises(metrics.semi_join(wide, "hashtag_id"))  # of an hour's few: four weeks hold many more
    if hours is not None:
        newest_first = ibis.window(group_by="hashtag_id", order_by=ibis.desc("hour"))
        rises = rises.filter(ibis.row_number().over(newest_first) < hours + len(_RISES))
    rises = stage(rises)
    before = ibis.window(group_by="hashtag_id", order_by="hour", preceding=(None, 1))
    rises = rises.mutate(last_rise=rises.hour, rise_before=rises.hour.max().over(before))
    rises = rises.mutate(rise_before_that=rises.rise_before.max().over(before))
    rises = rises.mutate(**{name: rises[name].fill_null(0).cast("int64") for name in _RISES})
    reached = running_totals(wide.select("hashtag_id", "hour"), rises, keys=("hashtag_id",), maxima=_RISES)
    is_within = {name: reached[name] > reached.hour - _WITHIN_H for name in _RISES}
    reached = reached.mutate(**{name: ibis.ifelse(within, reached[name], None) for name, within in is_within.items()})
    return with_columns_of(wide, stage(reached), ("hashtag_id", "hour"))


def _rises(metrics: ir.Table) -> ir.Table:
    """Return the observed hours of each hashtag whose newest version of those that were visible then says a rise."""
    rows = metrics.mutate(hour=hour_of(metrics.timestamp), visible_hour=visible_hour(metrics))
    rows = rows.filter(rows.visible_hour == rows.hour)
    has_risen = ibis.ifelse(~rows.is_gap & (rows.view_count > 0).fill_null(False), 1, 0).cast("int64")
    hours = rows.group_by("hashtag_id", "hour").aggregate(has_risen=has_risen.argmax(rows.created_timestamp))
    return hours.filter(hours.has_risen == 1).drop("has_risen")


def _hours(value: ir.Value) -> ir.Value:
    return value.cast("float64")


DEFINITIONS = (
    FeatureDefinition(
        name="hours_since_rise",
        group="A",
        description="Hours since the last observed hour of (T-28d, T] whose views, as known then, were above 0.",
        expression=lambda t: _hours(t.hour - t.last_rise),
        depends_on=("hashtag_metrics.view_count",),
        valid_min=0.0,
        valid_max=float(_WITHIN_H - 1),
    ),
    FeatureDefinition(
        name="hours_between_rises",
        group="A",
        description="Hours between the last two observed hours of (T-28d, T] whose views, as known then, were above 0.",
        expression=lambda t: _hours(t.last_rise - t.rise_before),
        depends_on=("hashtag_metrics.view_count",),
        valid_min=1.0,
        valid_max=float(_WITHIN_H - 1),
    ),
    FeatureDefinition(
        name="hours_between_earlier_rises",
        group="A",
        description="The same between the last but one and the one before it.",
        expression=lambda t: _hours(t.rise_before - t.rise_before_that),
        depends_on=("hashtag_metrics.view_count",),
        valid_min=1.0,
        valid_max=float(_WITHIN_H - 1),
    ),
)
