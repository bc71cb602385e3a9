"""What every hashtag gained in every hour, in all versions that became known one after another."""

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from trenddrop.normalized.additions import (
    COUNTERS,
    VIDEO_COUNTERS,
    WINDOWS,
    summed_versions,
    video_additions,
    window_additions,
)
from trenddrop.normalized.hours import hour_end
from trenddrop.normalized.series import UNHELD, Series, changed_versions, last_versions, series_versions
from trenddrop.normalized.workspace import Workspace
from trenddrop.schemas.hashtag_metrics import HASHTAG_METRICS
from trenddrop.staging.unions import nullable, union_rows

_VIDEOS = Series("video_id", VIDEO_COUNTERS)
MEASURES = (*COUNTERS, "score", *WINDOWS.values())  # what an observation may hold
_MEASURES = (*COUNTERS, "score", "view_total")
_FLAGS = ("is_gap", "is_reset")
_VERSION = ("hashtag_id", "hour", "created", *_MEASURES, *_FLAGS)


def hashtag_metrics(
    observations: ir.Table,
    videos: ir.Table | None = None,
    *,
    measures: Sequence[str] = MEASURES,
    work: Workspace = UNHELD,
) -> ir.Table:
    """Return the rows of ``hashtag_metrics`` that a set of observations makes; nothing but the set matters.

    ``observations`` and ``videos`` are rows of ``hashtag_observations`` and ``video_observations``, with all of
    those of every hashtag in question. A counter that the hashtag's own observations give wins over the sum over its
    videos: first increments of cumulative counters, then counters of windows, then the videos. ``measures`` are the
    columns of ``observations`` that may hold anything. ``work`` keeps intermediate results; without it the query is
    large.

    ``view_count`` and the others are gains within the hour, not levels; ``view_total`` is the level. No row equals the
    version before it in everything but its ``created_timestamp``.
    """
    observations = nullable(observations)
    series = Series("hashtag_id", tuple(name for name in COUNTERS if name in measures), ("score",))
    has_windows = any(name in measures for name in WINDOWS.values())
    if not has_windows and videos is None:
        return _table_rows(_cumulative(observations, series, is_alone=True, work=work))
    streams: list[ir.Table] = []
    if series.counters or "score" in measures:
        streams.append(_cumulative(observations, series, is_alone=False, work=work))
    if has_windows:
        windows = observations.filter(ibis.or_(*(observations[name].notnull() for name in WINDOWS.values())))
        streams.append(_summed(window_additions(windows, work=work), work=work))
    if videos is not None:
        videos = nullable(videos)
        versions = work.hold(series_versions(videos, _VIDEOS, work=work))
        streams.append(_summed(video_additions(versions, videos, work=work), work=work))
    merged = streams[0]
    for stream in streams[1:]:
        merged = _merged(work.hold(merged), work.hold(stream), work=work)
    return _table_rows(changed_versions(work.hold(merged), ["hashtag_id"], (*_MEASURES, *_FLAGS)))


def _cumulative(observations: ir.Table, series: Series, *, is_alone: bool, work: Workspace) -> ir.Table:
    """Return the versions that the hashtags' own counters make; of several streams the unchanged ones count too."""
    levels = observations.filter(ibis.or_(*(observations[value].notnull() for value in series.values)))
    has_views = "view_count" in series.counters
    shown = (*series.counters, "level_score", *(["level_view_count"] if has_views else []), *_FLAGS)
    versions = series_versions(levels, series, shown=shown if is_alone else (), work=work)
    absent = {counter: ibis.null("float64") for counter in COUNTERS if counter not in series.counters}
    total = versions.level_view_count if has_views else ibis.null("int64")
    return versions.mutate(score=versions.level_score, view_total=total, **absent).select(*_VERSION)


def _summed(additions: ir.Table, *, work: Workspace) -> ir.Table:
    sums = summed_versions(additions, work=work)
    return sums.mutate(score=ibis.null("float64"), view_total=ibis.null("int64")).select(*_VERSION)


def _merged(first: ir.Table, second: ir.Table, *, work: Workspace) -> ir.Table:
    """Return the versions of two streams as one: per column the first's value where it has one.

    Each version of either stream makes one of both, with what was known of the other at that moment.
    """
    marked = union_rows(first.mutate(source=ibis.literal(0)), second.mutate(source=ibis.literal(1)))
    window = ibis.window(group_by=["hashtag_id", "hour"], order_by=["created", "source"])
    marked = work.hold(marked.mutate(place=(ibis.row_number().over(window) + 1).cast("int64")))
    so_far = ibis.window(group_by=["hashtag_id", "hour"], order_by="place", preceding=None, following=0)
    places = {
        f"place_{source}": ibis.ifelse(marked.source == source, marked.place, 0).max().over(so_far) for source in (0, 1)
    }
    moments = marked.mutate(**places).group_by("hashtag_id", "hour", "created")
    moments = moments.aggregate(place_0=ibis._.place_0.max(), place_1=ibis._.place_1.max())
    nothing = {name: ibis.null(marked[name].type()) for name in (*_MEASURES, *_FLAGS)}
    absent = marked.select("hashtag_id", "hour").distinct().mutate(place=ibis.literal(0, type="int64"), **nothing)
    versions = work.hold(union_rows(marked.select(*absent.columns), absent))
    joined = moments
    for source in (0, 1):
        named = {f"{name}_{source}": name for name in nothing} | {f"place_{source}": "place"}
        side = versions.select("hashtag_id", "hour", **named)
        joined = joined.join(side, ["hashtag_id", "hour", f"place_{source}"])
    values = {name: ibis.coalesce(joined[f"{name}_0"], joined[f"{name}_1"]) for name in _MEASURES}
    rows = joined.select(
        "hashtag_id", "hour", "created", **values,
        is_gap=joined.is_gap_0.fill_null(True) & joined.is_gap_1.fill_null(True),
        is_reset=joined.is_reset_0.fill_null(False) | joined.is_reset_1.fill_null(False),
    )  # fmt: skip
    return last_versions(work.hold(rows), ["hashtag_id"]).select(*_VERSION)


def _table_rows(versions: ir.Table) -> ir.Table:
    rows = versions.select(
        "hashtag_id",
        *_MEASURES,
        "is_gap",
        "is_reset",
        timestamp=hour_end(versions.hour),
        created_timestamp=versions.created,
        window_duration_minutes=ibis.literal(60, type="int64"),
        platform=versions.hashtag_id.split(":")[0],
    )
    return rows.select(*HASHTAG_METRICS.columns)
