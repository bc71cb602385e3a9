"""What happened in (t, t + h], with hindsight: the newest version of every hour, and how it becomes labels.

A wide outcome row belongs to one candidate (hashtag, t) and holds, for each horizon h, ``event_<h>`` (it went
viral), ``peak_<h>`` (see ``with_peak_key``) and what ``coverage`` says about the hours of the horizon.
Nothing in it depends on what happened after ``matured_at``, so a label never changes when later hours do. A version
that is learnt after ``matured_at`` can change one thing: kind ``onset`` judges each hour by what was visible at it and
takes the peak from the newest versions, so the peak's hour, views and growth may move, and the doubt about rounding.
"""

from collections.abc import Callable

import ibis
import ibis.expr.types as ir

from trenddrop.features.visibility import (
    WINDOW_PARTS,
    Stage,
    fraction,
    lazily,
    several_versions,
    truth,
    visible_hour,
    whole,
    with_columns_of,
)
from trenddrop.labels.definition import LabelDefinition
from trenddrop.normalized.hours import hour_end, hour_of
from trenddrop.schemas.viral_labels import AUTOMATIC, VIRAL_LABELS
from trenddrop.staging.unions import union_rows

_HOURS = 1 << 20  # more than the hours since 1970 until 2089
_OBSERVED = ("is_known", "known_hour")
_ROUNDING = 1e-9


def newest_rows(metrics: ir.Table, *, several: ir.Table | None = None, stage: Stage = lazily) -> ir.Table:
    """Return the newest version of each hour of each hashtag, with ``hour`` and ``known_hour``.

    ``several`` are the ``several_versions`` of the metrics, where the caller has them.
    """
    several = several_versions(metrics, stage=stage) if several is None else several
    rows = with_columns_of(metrics, several, ("hashtag_id", "timestamp"))
    rows = rows.filter(rows.newest.isnull() | (rows.created_timestamp == rows.newest)).drop("newest")
    return rows.mutate(hour=hour_of(rows.timestamp), known_hour=visible_hour(rows))


def with_peak_key(rows: ir.Table, metric: str) -> ir.Table:
    """Add ``peak_key``, whose maximum over a window names the (first) hour of the greatest metric."""
    rising = ibis.window(group_by="hashtag_id", order_by=(ibis.asc(metric), ibis.desc("hour")))
    rows = rows.mutate(place=ibis.row_number().over(rising).cast("int64"))
    key = rows.place * _HOURS + rows.hour
    return rows.mutate(peak_key=ibis.ifelse(rows[metric].notnull(), key, ibis.null("int64"))).drop("place")


def future(horizon: int) -> ir.Value:
    """Return the window of a hashtag's hours t + 1 to t + ``horizon``."""
    return ibis.range_window(group_by="hashtag_id", order_by="hour", following=(1, horizon))


def hour_by_hour(rows: ir.Table, *, group_by: str, reach_h: int, stage: Stage) -> ir.Table:
    """Add the hours without a row, ``reach_h`` at most behind each row, with nulls beside the key; ``rows`` are staged.

    Then the next n rows are the next n hours: engines find the ends of ROWS windows twice as fast as of RANGE windows.
    """
    series = rows.group_by(group_by).aggregate(n=rows.count(), span=rows.hour.max() - rows.hour.min() + 1)
    holed = stage(rows.select(group_by, "hour").semi_join(series.filter(series.span > series.n), group_by))
    hole = holed.hour.lead().over(ibis.window(group_by=group_by, order_by="hour")) - holed.hour - 1
    holes = holed.mutate(hole=ibis.least(hole, reach_h))
    holes = holes.filter(holes.hole > 0)
    hours = ibis.range(holes.hour + 1, holes.hour + holes.hole + 1).unnest()
    nulls = {
        name: ibis.null(kind(nullable=True)) for name, kind in rows.schema().items() if name not in (group_by, "hour")
    }
    return union_rows(rows, holes.select(group_by, hour=hours, **nulls).select(*rows.columns))


def observed_hours(rows: ir.Table, definition: LabelDefinition, *, stage: Stage) -> ir.Table:
    """Return staged rows of hashtags hour by hour, for ``coverage``: the hours of a gap are no observations."""
    reach_h = max(definition.horizons) + definition.parameters.max_hole_hours
    hours = hour_by_hour(rows, group_by="hashtag_id", reach_h=reach_h, stage=stage)
    told = {name: ibis.ifelse(hours.is_gap, ibis.null(hours[name].type()), hours[name]) for name in _OBSERVED}
    return hours.mutate(**told)


def ahead(horizon: int, *, first: int = 1, group_by: str = "hashtag_id") -> ir.Value:
    """Return the window of the hours t + ``first`` to t + ``horizon`` over rows that are hour by hour."""
    return ibis.window(group_by=group_by, order_by="hour", following=(first, horizon))


def exact_sum(value: ir.NumericValue, window: ir.Value) -> ir.FloatingValue:
    """Return the sum over a window, the same bits in whatever order the rows come; null where nothing is known."""
    return whole(value).sum().over(window) + fraction(value).sum().over(window) / float(WINDOW_PARTS)


def coverage(
    observed: ir.Table,
    definition: LabelDefinition,
    *,
    group_by: str,
    also: Callable[[ir.Table], dict[str, ir.Value]] = lambda _: {},
) -> ir.Table:
    """Return, per observed hour t and horizon h, how well (t, t + h] is known.

    ``observed`` is hour by hour: ``group_by``, ``hour``, ``is_known`` (the observation tells what counts; null in a
    row without an observation) and ``known_hour``, without which each hour is known when it ends. The columns are
    ``observed_<h>`` (hours that are known), ``covered_<h>`` (those and the holes of up to ``max_hole_hours`` between
    two observations), ``is_reached_<h>`` (t + h itself has an observation or lies in such a hole) and
    ``known_hour_<h>`` (when the last of it was learnt: a hole at t + h is known with the observation that ends it, or
    with the last hour that could have brought one).
    ``also`` returns columns and windows over ``observed`` that are computed in the same pass.
    """
    hole_h = definition.parameters.max_hole_hours
    in_order = ibis.window(group_by=group_by, order_by="hour")
    rows = observed.mutate(
        known=ibis.ifelse(observed.is_known.fill_null(False), 1.0, 0.0),  # DuckDB sums integers to 128 bits
        observed_hour=ibis.ifelse(observed.is_known.isnull(), ibis.null("int64"), observed.hour),
    )
    if hole_h:
        before = ibis.window(group_by=group_by, order_by="hour", preceding=(None, 1))
        hole = rows.observed_hour - rows.observed_hour.max().over(before) - 1
        rows = rows.mutate(filled=ibis.ifelse(hole.between(1, hole_h), hole, 0).cast("float64"))
    more = also(rows)
    raw: dict[str, ir.Value] = dict(more)
    for h in definition.horizons:
        window, settling = ahead(h, group_by=group_by), ahead(h + hole_h, first=h, group_by=group_by)
        raw[f"observed_{h}"] = rows.known.sum().over(window).fill_null(0.0)
        if "known_hour" in rows.columns:
            raw[f"learnt_{h}"] = rows.known_hour.max().over(window)
        if hole_h:
            newest_hour = rows.known_hour if "known_hour" in rows.columns else rows.observed_hour
            raw |= {
                f"last_{h}": rows.observed_hour.max().over(window).fill_null(rows.observed_hour),
                f"filled_{h}": rows.filled.sum().over(window).fill_null(0.0),
                f"settled_{h}": rows.observed_hour.min().over(settling),
                f"settled_known_{h}": newest_hour.max().over(settling),
            }
        else:
            raw[f"is_reached_{h}"] = truth(rows.observed_hour.lead(h).over(in_order).notnull())
    rows = rows.select(group_by, "hour", **raw)
    columns: dict[str, ir.Value] = {name: rows[name] for name in more}
    for h in definition.horizons:
        covered = _with_holes(rows, h, hole_h) if hole_h else _without_holes(rows, h)
        columns |= {f"observed_{h}": rows[f"observed_{h}"], **covered}
    return rows.select(group_by, "hour", **columns)


def _without_holes(rows: ir.Table, h: int) -> dict[str, ir.Value]:
    return {
        f"covered_{h}": rows[f"observed_{h}"],
        f"is_reached_{h}": rows[f"is_reached_{h}"],
        f"known_hour_{h}": _learnt(rows, h),
    }


def _with_holes(rows: ir.Table, h: int, hole_h: int) -> dict[str, ir.Value]:
    last, settled = rows[f"last_{h}"], rows[f"settled_{h}"]
    missing = rows.hour + h - last  # at the end of the horizon
    is_reached = (missing == 0) | (settled.notnull() & (settled - last - 1 <= hole_h))
    until = ibis.ifelse(is_reached, rows[f"settled_known_{h}"], last + hole_h + 1)  # the last that could end the hole
    later = ibis.ifelse(missing > 0, until, 0)
    return {
        f"covered_{h}": rows[f"observed_{h}"] + rows[f"filled_{h}"] + ibis.ifelse(is_reached, missing, 0),
        f"is_reached_{h}": truth(is_reached),
        f"known_hour_{h}": ibis.greatest(_learnt(rows, h), later.fill_null(0)),
    }


def _learnt(rows: ir.Table, h: int) -> ir.IntegerValue:
    """Return when the last hour of the horizon was learnt; 0 where each is known when it ends."""
    learnt = f"learnt_{h}"
    return rows[learnt].fill_null(0) if learnt in rows.columns else ibis.literal(0).cast("int64")


def labels_of(
    outcomes: ir.Table, rows: ir.Table, definition: LabelDefinition, *, platform: str, metric: str, stage: Stage
) -> ir.Table:
    """Turn wide outcomes into rows of ``viral_labels``, one per candidate and horizon.

    An event that was seen is positive. Where none was seen, the label is unknown (null) unless t + h is covered and at
    most ``max_gap_share`` of the hours are not; only then it is negative. So horizons nest also where data end.
    ``rows`` are the newest rows, where the peak hour's values are looked up. ``confidence_score`` is the share of the
    horizon's hours that are known, less half of it where the peak is no more than the rounding of its counter.
    """
    judged = {name: value for h in definition.horizons for name, value in _judged(outcomes, definition, h).items()}
    wide = stage(outcomes.select("hashtag_id", "hour", "timestamp", "base", **judged))
    long = ibis.union(*(_of_horizon(wide, h) for h in definition.horizons))
    peaks = rows.select(
        "hashtag_id",
        peak_hour=rows.hour,
        peak_timestamp=rows.timestamp,
        peak_view_count=rows.view_count,
        peak_metric=rows[metric].cast("float64"),
        doubt=_rounding_doubt(rows) if metric == "view_count" else ibis.literal(0.0),
    )
    long = long.left_join(peaks, ["hashtag_id", "peak_hour"], rname="{name}_of_peak")
    growth = 100.0 * (long.peak_metric / long.base.cast("float64").nullif(0.0) - 1.0)
    after = ibis.greatest(long.known_hour.fill_null(0) - long.hour, long.horizon)
    return long.select(
        hashtag_id=long.hashtag_id,
        label_timestamp=long.timestamp,
        prediction_window_hours=long.horizon,
        is_viral=long.is_viral,
        viral_definition_name=ibis.literal(definition.name),
        actual_peak_timestamp=long.peak_timestamp,
        peak_view_count=long.peak_view_count,
        growth_rate_percent=growth,
        confidence_score=long.confidence_score * (1.0 - long.doubt.fill_null(0.0)),
        labeling_method=ibis.literal(AUTOMATIC),
        platform=ibis.literal(platform),
        matured_at=hour_end(long.hour + after),  # to add an interval goes by the calendar
    ).cast(dict(VIRAL_LABELS.ibis().items()))


def _rounding_doubt(rows: ir.Table) -> ir.FloatingValue:
    """Return half of the unit that the counter is rounded to, over the gain of the hour, at most a half.

    A counter is taken as rounded to the greatest power of ten from a thousand on that divides it.
    """
    unit = ibis.cases(*((rows.view_total % 10**n == 0, 10.0**n) for n in range(9, 2, -1)), else_=0.0)
    unit = ibis.ifelse(rows.view_total > 0, unit, 0.0)
    return 0.5 * ibis.least(1.0, unit / ibis.greatest(rows.view_count, 1.0))


def _judged(outcomes: ir.Table, definition: LabelDefinition, h: int) -> dict[str, ir.Value]:
    gap_share = 1.0 - outcomes[f"covered_{h}"] / float(h)
    is_event = outcomes[f"event_{h}"]
    is_covered = outcomes[f"is_reached_{h}"] & (gap_share <= definition.parameters.max_gap_share + _ROUNDING)
    known = ibis.ifelse(is_covered, False, ibis.null("boolean"))
    return {
        f"is_viral_{h}": ibis.ifelse(is_event, True, known),
        f"confidence_score_{h}": ibis.ifelse(is_event | is_covered, outcomes[f"observed_{h}"] / float(h), 0.0),
        f"known_hour_{h}": outcomes[f"known_hour_{h}"].cast("int64"),
        f"peak_hour_{h}": (outcomes[f"peak_{h}"] % _HOURS).cast("int64"),
    }


def _of_horizon(wide: ir.Table, h: int) -> ir.Table:
    names = ("is_viral", "confidence_score", "known_hour", "peak_hour")
    return wide.select(
        "hashtag_id",
        "hour",
        "timestamp",
        "base",
        horizon=ibis.literal(h).cast("int64"),
        **{name: wide[f"{name}_{h}"] for name in names},
    )
