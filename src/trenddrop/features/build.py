"""From visible metrics to ``hashtag_features``: one pure expression, and the job that keeps the table up to date."""

from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from trenddrop.core.progress import SILENT, Progress
from trenddrop.core.time import Clock, as_utc
from trenddrop.features.definitions import AGGREGATES, DEFINITIONS, layers
from trenddrop.features.ranking import platform_hours, with_ranks
from trenddrop.features.regions import region_shares
from trenddrop.features.totals import observed_totals
from trenddrop.features.visibility import (
    Stage,
    lazily,
    metric_versions,
    on_time_rows,
    other_rows,
    visible_hour,
    window_aggregates,
    with_columns_of,
)
from trenddrop.features.volume import TOTALS
from trenddrop.schemas.feature_definitions import FEATURE_DEFINITIONS
from trenddrop.schemas.hashtag_features import HASHTAG_FEATURES
from trenddrop.warehouse import Warehouse, sync

HISTORY = timedelta(days=8)  # the longest trailing window, 7 days, and the hours that it looks back from
WINDOW_HOURS = 24


def hashtag_features(  # noqa: PLR0913 - two optional inputs and a range
    metrics: ir.Table,
    *,
    observations: ir.Table | None = None,
    video_observations: ir.Table | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    stage: Stage = lazily,
) -> ir.Table:
    """Return one row of ``hashtag_features`` per (hashtag, T), from rows visible at T only.

    T runs over the hours in [start, end) in which the hashtag was observed and the observation was known by T.
    ``metrics`` has the columns of ``hashtag_metrics`` and must reach back ``HISTORY`` before ``start``; age is taken
    from all of it. ``observations`` (``hashtag_observations``) gives cumulative posts and creators and
    ``video_observations`` the regions; those features are null without them.
    ``stage`` may hold an intermediate table, so that an engine computes it once.
    """
    versions = stage(metric_versions(_between(metrics, "timestamp", start and start - HISTORY, end), stage=stage))
    first_visible = metrics.group_by("hashtag_id").aggregate(first_visible_hour=visible_hour(metrics).min())
    versions = versions.mutate(seen_hour=ibis.ifelse(versions.is_gap, None, versions.hour).cast("int64"))
    on_time = with_ranks(on_time_rows(versions), stage=stage)
    rows = window_aggregates(on_time, other_rows(versions), AGGREGATES, stage=stage)
    grid = _between(rows.filter(~rows.is_gap), "timestamp", start, end)
    wide = with_columns_of(grid, stage(platform_hours(grid)), ("platform", "hour"))
    wide = with_columns_of(wide, first_visible, ("hashtag_id",))
    wide = _with_totals(wide, observations)
    wide = _with_regions(wide, grid, video_observations)
    for layer in layers(DEFINITIONS):
        wide = wide.mutate(**{d.name: d.expression(wide).cast(d.dtype) for d in layer})
    return wide.select(
        "hashtag_id",
        "platform",
        feature_timestamp=wide.timestamp,
        created_timestamp=wide.timestamp,
        feature_window_hours=ibis.literal(WINDOW_HOURS).cast("int64"),
        **{definition.name: wide[definition.name] for definition in DEFINITIONS},
    ).select(*HASHTAG_FEATURES.columns)


def build_features(
    wh: Warehouse,
    *,
    platform: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    progress: Progress | None = None,
) -> int:
    """Bring ``hashtag_features`` up to date for T in [start, end) and return how many rows that range has.

    Running it twice changes nothing the second time; a range reads the metrics of the 8 days before it and gives
    exactly the rows of a full backfill. ``platform`` restricts the hashtags.
    """
    progress = progress or SILENT
    progress.advance("features", 0, 3)
    rows = hashtag_features(
        _of_platform(wh.table("hashtag_metrics"), platform),
        observations=_of_platform(wh.table("hashtag_observations"), platform),
        video_observations=_of_platform(wh.table("video_observations"), platform),
        start=start,
        end=end,
        stage=wh.stage,
    )
    rows = wh.stage(rows)
    progress.advance("features", 1, 3)
    stored = _between(
        _of_platform(wh.table(HASHTAG_FEATURES.name), platform), HASHTAG_FEATURES.event_timestamp, start, end
    )
    progress.advance("features", 2, 3)
    sync(wh, HASHTAG_FEATURES, rows, stored)
    count = int(rows.count().to_pyarrow().as_py())
    progress.advance("features", 3, 3)
    return count


def write_feature_definitions(wh: Warehouse, *, clock: Clock) -> int:
    """Write the features as the code defines them to ``feature_definitions`` and return how many rows changed.

    A definition that the code no longer has gets ``deprecated_at``; an unchanged one keeps its ``created_at``.
    """
    table = FEATURE_DEFINITIONS
    stored = {row["feature_name"]: row for row in wh.table(table.name).to_pyarrow().to_pylist()}
    now = as_utc(clock())
    current = {row["feature_name"]: row for row in _definition_rows(now)}
    changed = [row for name, row in current.items() if not _is_same(row, stored.get(name))]
    gone = [
        row | {"deprecated_at": now}
        for name, row in stored.items()
        if name not in current and row["deprecated_at"] is None
    ]
    rows = changed + gone
    if rows:
        written = pa.Table.from_pylist(rows, schema=table.ibis().to_pyarrow())

        def write() -> None:
            wh.delete(table.name, written.select(["feature_name"]))
            wh.append(table.name, written)

        wh.transact(write, claim=table.name)
    return len(rows)


def _definition_rows(now: datetime) -> list[dict[str, object]]:
    return [
        {
            "feature_name": d.name,
            "feature_group": d.group,
            "description": d.description,
            "data_type": d.dtype,
            "is_nullable": d.is_nullable,
            "valid_range_min": d.valid_min,
            "valid_range_max": d.valid_max,
            "computation_lag_minutes": d.computation_lag_minutes,
            "depends_on": list(d.depends_on),
            "version": d.version,
            "created_at": now,
            "deprecated_at": None,
        }
        for d in DEFINITIONS
    ]


def _is_same(row: dict[str, object], stored: dict[str, object] | None) -> bool:
    return stored is not None and all(row[name] == stored[name] for name in row if name != "created_at")


def _between(rows: ir.Table, column: str | None, start: datetime | None, end: datetime | None) -> ir.Table:
    moment = rows[column]
    if start is not None:
        rows = rows.filter(moment >= _instant(start))
    if end is not None:
        rows = rows.filter(moment < _instant(end))
    return rows


def _instant(moment: datetime) -> ir.TimestampScalar:
    return ibis.literal(as_utc(moment), type="timestamp('UTC', 6)")


def _of_platform(rows: ir.Table, platform: str | None) -> ir.Table:
    return rows if platform is None else rows.filter(rows.platform == platform)


def _with_totals(wide: ir.Table, observations: ir.Table | None) -> ir.Table:
    if observations is None:
        return wide.mutate(**dict.fromkeys(TOTALS, ibis.null("int64")))
    return with_columns_of(wide, observed_totals(observations), ("hashtag_id", "hour"))


def _with_regions(wide: ir.Table, grid: ir.Table, video_observations: ir.Table | None) -> ir.Table:
    if video_observations is None:
        return wide.mutate(region_shares=ibis.null("string"))
    shares = region_shares(grid, video_observations)
    return with_columns_of(wide, shares, ("hashtag_id", "hour"))
