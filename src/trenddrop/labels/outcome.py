"""What happened in (t, t + h], with hindsight: the newest version of every hour, and how it becomes labels.

A wide outcome row belongs to one candidate (hashtag, t) and holds, for each horizon h, ``event_<h>`` (it went
viral), ``peak_<h>`` (see ``with_peak_key``) and what ``coverage`` says about the hours of the horizon.
Nothing in it depends on what happened after ``matured_at``, so a label never changes when later hours do.
"""

from collections.abc import Callable

import ibis
import ibis.expr.types as ir

from trenddrop.features.visibility import Stage, fraction, lazily, truth, visible_hour, whole, with_columns_of
from trenddrop.labels.definition import LabelDefinition
from trenddrop.normalized.hours import hour_of
from trenddrop.schemas.viral_labels import VIRAL_LABELS

AUTOMATIC = "automatic"  # the labeling method of what is computed
_HOURS = 1 << 20  # more than the hours since 1970 until 2089
_PARTS = float(1 << 40)
_ROUNDING = 1e-9


def newest_rows(metrics: ir.Table, *, stage: Stage = lazily) -> ir.Table:
    """Return the newest version of each hour of each hashtag, with ``hour`` and ``known_hour``."""
    keys = ["hashtag_id", "timestamp"]
    hours = metrics.group_by(*keys).aggregate(newest=metrics.created_timestamp.max(), n=metrics.count())
    several = stage(hours.filter(hours.n > 1).drop("n"))  # few: to sort all rows would be dear
    rows = with_columns_of(metrics, several, keys)
    rows = rows.filter(rows.newest.isnull() | (rows.created_timestamp == rows.newest)).drop("newest")
    return rows.mutate(hour=hour_of(rows.timestamp), known_hour=visible_hour(rows))


def with_peak_key(rows: ir.Table, metric: str) -> ir.Table:
    """Add ``peak_key``, whose maximum over a window names the (first) hour of the greatest metric."""
    rising = ibis.window(group_by="hashtag_id", order_by=(ibis.asc(metric), ibis.desc("hour")))
    rows = rows.mutate(place=ibis.row_number().over(rising).cast("int64"))
    key = rows.place * _HOURS + rows.hour
    return rows.mutate(peak_key=ibis.ifelse(rows[metric].notnull(), key, ibis.null("int64"))).drop("place")


def future(horizon: int, *, first: int = 1, group_by: str = "hashtag_id") -> ir.Value:
    """Return the window of the hours t + ``first`` to t + ``horizon``."""
    return ibis.range_window(group_by=group_by, order_by="hour", following=(first, horizon))


def exact_sum(value: ir.NumericValue, window: ir.Value) -> ir.FloatingValue:
    """Return the sum over a window, the same bits in whatever order the rows come; null where nothing is known."""
    return whole(value).sum().over(window) + fraction(value).sum().over(window) / _PARTS


def coverage(
    observed: ir.Table,
    definition: LabelDefinition,
    *,
    group_by: str,
    also: Callable[[ir.Table], dict[str, ir.Value]] = lambda _: {},
) -> ir.Table:
    """Return, per observed hour t and horizon h, how well (t, t + h] is known.

    ``observed`` has a row for each hour with an observation: ``group_by``, ``hour``, ``is_known`` (the observation
    tells what counts) and ``known_hour``, without which each hour is known when it ends. The columns are
    ``observed_<h>`` (hours that are known), ``covered_<h>`` (those and the holes of up to ``max_hole_hours`` between
    two observations), ``is_reached_<h>`` (t + h itself has an observation or lies in such a hole) and
    ``known_hour_<h>`` (when the last of it was learnt: a hole at t + h is known with the observation that ends it).
    Further rows, without an observation, have a null in ``is_known``; they are there for the sake of ``also``, which
    returns columns and windows over ``observed`` that are computed in the same pass.
    """
    hole_h = definition.parameters.max_hole_hours
    so_far = ibis.window(group_by=group_by, order_by="hour", preceding=None, following=0)
    rows = observed.mutate(
        known=ibis.ifelse(observed.is_known.fill_null(False), 1.0, 0.0),  # DuckDB sums integers to 128 bits
        observed_hour=ibis.ifelse(observed.is_known.isnull(), ibis.null("int64"), observed.hour),
    )
    sums = {"all_known": rows.known.sum().over(so_far).cast("int64")}
    if hole_h:
        before = ibis.window(group_by=group_by, order_by="hour", preceding=(None, 1))
        hole = rows.observed_hour - rows.observed_hour.max().over(before) - 1
        rows = rows.mutate(filled=ibis.ifelse(hole.between(1, hole_h), hole, 0).cast("float64"))
        sums["all_filled"] = rows.filled.sum().over(so_far).cast("int64")
    rows = rows.mutate(**sums)
    # the maximum of a key is that of the last hour
    rows = rows.mutate(**{name.replace("all", "last"): rows.observed_hour * _HOURS + rows[name] for name in sums})
    more = also(rows)
    raw: dict[str, ir.Value] = dict(more)
    for h in definition.horizons:
        window, settling = future(h, group_by=group_by), future(h + hole_h, first=h, group_by=group_by)
        last_key = rows.last_known.max().over(window).fill_null(rows.last_known)
        raw |= {
            f"observed_{h}": (last_key % _HOURS - rows.all_known).cast("float64"),
            f"last_{h}": (last_key // _HOURS).cast("int64"),
        }
        if "known_hour" in rows.columns:
            raw[f"learnt_{h}"] = rows.known_hour.max().over(window).fill_null(0)
        if hole_h:
            filled_key = rows.last_filled.max().over(window).fill_null(rows.last_filled)
            newest_hour = rows.known_hour if "known_hour" in rows.columns else rows.observed_hour
            raw |= {
                f"filled_{h}": (filled_key % _HOURS - rows.all_filled).cast("float64"),
                f"settled_{h}": rows.observed_hour.min().over(settling),
                f"settled_known_{h}": newest_hour.max().over(settling),
            }
    rows = rows.select(group_by, "hour", **raw)
    columns: dict[str, ir.Value] = {name: rows[name] for name in more}
    for h in definition.horizons:
        columns |= _with_holes(rows, h, hole_h) if hole_h else _without_holes(rows, h)
        columns[f"observed_{h}"] = rows[f"observed_{h}"]
    return rows.select(group_by, "hour", **columns)


def _without_holes(rows: ir.Table, h: int) -> dict[str, ir.Value]:
    return {
        f"covered_{h}": rows[f"observed_{h}"],
        f"is_reached_{h}": truth(rows[f"last_{h}"] == rows.hour + h),
        f"known_hour_{h}": _learnt(rows, h),
    }


def _learnt(rows: ir.Table, h: int) -> ir.IntegerValue:
    return rows[f"learnt_{h}"] if f"learnt_{h}" in rows.columns else rows[f"last_{h}"]


def _with_holes(rows: ir.Table, h: int, hole_h: int) -> dict[str, ir.Value]:
    last, settled = rows[f"last_{h}"], rows[f"settled_{h}"]
    missing = rows.hour + h - last  # at the end of the horizon
    is_reached = (missing == 0) | (settled.notnull() & (settled - last - 1 <= hole_h))
    later = ibis.ifelse(is_reached & (missing > 0), rows[f"settled_known_{h}"], 0)
    return {
        f"covered_{h}": rows[f"observed_{h}"] + rows[f"filled_{h}"] + ibis.ifelse(is_reached, missing, 0),
        f"is_reached_{h}": truth(is_reached),
        f"known_hour_{h}": ibis.greatest(_learnt(rows, h), later.fill_null(0)),
    }


def labels_of(
    outcomes: ir.Table, rows: ir.Table, definition: LabelDefinition, *, platform: str, metric: str
) -> ir.Table:
    """Turn wide outcomes into rows of ``viral_labels``, one per candidate and horizon.

    An event that was seen is positive. Where none was seen, the label is unknown (null) unless t + h is covered and at
    most ``max_gap_share`` of the hours are not; only then it is negative. So horizons nest also where data end.
    ``rows`` are the newest rows, where the peak hour's values are looked up. ``confidence_score`` is the share of the
    horizon's hours that are known, less half of it where the peak is no more than the rounding of its counter.
    """
    long = ibis.union(*(_of_horizon(outcomes, definition, h) for h in definition.horizons))
    peaks = rows.select(
        "hashtag_id",
        peak_hour=rows.hour,
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
        actual_peak_timestamp=long.timestamp + (long.peak_hour - long.hour).as_interval("h"),
        peak_view_count=long.peak_view_count,
        growth_rate_percent=growth,
        confidence_score=long.confidence_score * (1.0 - long.doubt.fill_null(0.0)),
        labeling_method=ibis.literal(AUTOMATIC),
        platform=ibis.literal(platform),
        matured_at=long.timestamp + after.as_interval("h"),
    ).cast(dict(VIRAL_LABELS.ibis().items()))


def _rounding_doubt(rows: ir.Table) -> ir.FloatingValue:
    """Return half of the unit that the counter is rounded to, over the gain of the hour, at most a half.

    A counter is taken as rounded to the greatest power of ten from a thousand on that divides it.
    """
    unit = ibis.cases(*((rows.view_total % 10**n == 0, 10.0**n) for n in range(9, 2, -1)), else_=0.0)
    unit = ibis.ifelse(rows.view_total > 0, unit, 0.0)
    return 0.5 * ibis.least(1.0, unit / ibis.greatest(rows.view_count, 1.0))


def _of_horizon(outcomes: ir.Table, definition: LabelDefinition, h: int) -> ir.Table:
    gap_share = 1.0 - outcomes[f"covered_{h}"] / float(h)
    is_event = outcomes[f"event_{h}"]
    is_covered = outcomes[f"is_reached_{h}"] & (gap_share <= definition.parameters.max_gap_share + _ROUNDING)
    known = ibis.ifelse(is_covered, False, ibis.null("boolean"))
    return outcomes.select(
        "hashtag_id",
        "hour",
        "timestamp",
        "base",
        horizon=ibis.literal(h).cast("int64"),
        is_viral=ibis.ifelse(is_event, True, known),
        confidence_score=ibis.ifelse(is_event | is_covered, outcomes[f"observed_{h}"] / float(h), 0.0),
        known_hour=outcomes[f"known_hour_{h}"].cast("int64"),
        peak_hour=(outcomes[f"peak_{h}"] % _HOURS).cast("int64"),
    )
