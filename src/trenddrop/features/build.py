"""From visible metrics to ``hashtag_features``: one pure expression, and the job that keeps the table up to date."""

from datetime import datetime, timedelta
from functools import partial

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from trenddrop.core.progress import SILENT, Progress
from trenddrop.core.time import HOUR, Clock, as_utc
from trenddrop.features.burst import with_growth, with_squares
from trenddrop.features.chunks import CHUNK_ROWS, INPUTS, Chunk, Ledger, chunks_of
from trenddrop.features.definitions import AGGREGATES, DEFINITIONS, layers
from trenddrop.features.lists import CATEGORY, with_list_context
from trenddrop.features.ranking import platform_hours, with_ranks
from trenddrop.features.registry import ALL_DEFINITIONS
from trenddrop.features.residuals import PredictionTables, with_residuals
from trenddrop.features.rises import RISES_WITHIN, with_rises
from trenddrop.features.semantic import ClusterTables, with_clusters
from trenddrop.features.totals import observed_totals
from trenddrop.features.visibility import (
    Stage,
    aggregates_of_few_hours,
    instant,
    lazily,
    metric_versions,
    on_time_rows,
    other_rows,
    visible_hour,
    window_aggregates,
    with_columns_of,
)
from trenddrop.features.volume import TOTALS
from trenddrop.features.window import COLUMNS, VideoTables, window_columns
from trenddrop.schemas.feature_definitions import FEATURE_DEFINITIONS
from trenddrop.schemas.hashtag_features import HASHTAG_FEATURES
from trenddrop.schemas.viral_labels import AUTOMATIC, VIRAL_LABELS
from trenddrop.warehouse import Warehouse, count_rows, has_rows, sync

HISTORY = timedelta(days=8)  # the longest trailing window, 7 days, and the hours that it looks back from
WINDOW_HOURS = 24
LOOKED_BACK_AT = timedelta(hours=24)  # ranks and growth as they were known then
FEW_HOURS = timedelta(hours=6)


def hashtag_features(  # noqa: PLR0913 - optional inputs and a range
    metrics: ir.Table,
    *,
    observations: ir.Table | None = None,
    video_observations: ir.Table | None = None,
    sound_observations: ir.Table | None = None,
    clusters: ClusterTables | None = None,
    predictions: PredictionTables | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    are_few_hours: bool = False,
    stage: Stage = lazily,
) -> ir.Table:
    """Return one row of ``hashtag_features`` per (hashtag, T), from rows visible at T only.

    T runs over the hours in [start, end) in which the hashtag was observed and the observation was known by T.
    ``metrics`` has the columns of ``hashtag_metrics`` and must reach back ``RISES_WITHIN`` before ``start``; age is
    taken from all of it. ``observations`` (``hashtag_observations``) gives cumulative posts and creators and
    ``video_observations`` creators, novelty and regions; those features are null without them. Of videos it reads what
    was observed in the 9 days before ``start``, and of their creators and sounds the first use, however long ago.
    ``clusters`` give the themes and ``predictions`` the residuals, null without them as well.
    ``are_few_hours`` is quicker for a range of a few hours and changes nothing else.
    ``stage`` may hold an intermediate table, so that an engine computes it once.
    """
    versions = stage(metric_versions(_between(metrics, "timestamp", start and start - HISTORY, end), stage=stage))
    first_visible = metrics.group_by("hashtag_id").aggregate(first_visible_hour=visible_hour(metrics).min())
    versions = with_squares(versions)
    versions = versions.mutate(seen_hour=ibis.ifelse(versions.is_gap, None, versions.hour).cast("int64"))
    on_time = on_time_rows(versions)
    if are_few_hours and start is not None:
        on_time = _between(on_time, "timestamp", start - LOOKED_BACK_AT, None)
    on_time = with_growth(with_ranks(on_time, stage=stage), versions)
    if are_few_hours:
        moments = _between(on_time.filter(~on_time.is_gap), "timestamp", start, end)
        rows = aggregates_of_few_hours(moments, versions, on_time, AGGREGATES, stage=stage)
    else:
        rows = window_aggregates(on_time, other_rows(versions), AGGREGATES, stage=stage)
    grid = stage(_between(rows.filter(~rows.is_gap), "timestamp", start, end))
    wide = with_residuals(with_clusters(grid, clusters, stage=stage), predictions, stage=stage)
    wide = with_columns_of(wide, stage(platform_hours(grid)), ("platform", "hour"))
    wide = with_columns_of(wide, first_visible, ("hashtag_id",))
    wide = with_rises(
        wide,
        _between(metrics, "timestamp", start and start - RISES_WITHIN, end),
        hours=(end - start) // HOUR + 1 if are_few_hours and start and end else None,
        stage=stage,
    )
    wide = _with_observed(wide, grid, observations, stage)
    wide = _with_videos(wide, video_observations, sound_observations, start, end, stage)
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


def build_features(  # noqa: PLR0913 - a range and how to cut it
    wh: Warehouse,
    *,
    platform: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    progress: Progress | None = None,
    chunk_rows: int = CHUNK_ROWS,
) -> int:
    """Bring ``hashtag_features`` up to date for T in [start, end) and return how many rows that range has.

    Running it twice changes nothing the second time; a range reads the metrics of the 8 days before it, of rises
    28, and gives exactly the rows of a full backfill. ``platform`` restricts the hashtags.

    A range of more than ``chunk_rows`` metrics is built in parts of whole days, each committed, after which all staged
    tables are released; after a kill the same call goes on with the first unfinished part.
    """
    progress = progress or SILENT
    start, end = start and as_utc(start), end and as_utc(end)
    metrics = _of_platform(wh.table("hashtag_metrics"), platform)
    chunks = chunks_of(_between(metrics, "timestamp", start, end), start, end, rows=chunk_rows)
    ledger = Ledger(wh, platform=platform, start=start, end=end) if len(chunks) > 1 else None
    total = 0
    for number, chunk in enumerate(chunks):
        progress.advance("features", 2 * number, 2 * len(chunks))
        stored = _of_platform(wh.table(HASHTAG_FEATURES.name), platform)
        stored = _between(stored, HASHTAG_FEATURES.event_timestamp, chunk.start, chunk.end)
        count = ledger.finished_rows(chunk, stored) if ledger else None
        if count is None:
            rows = _features_of(wh, platform, chunk)
            if has_rows(stored):  # compared outside of the transaction; into an empty range they are written at once
                rows = wh.stage(rows)
            progress.advance("features", 2 * number + 1, 2 * len(chunks))
            count = wh.transact(partial(_write, wh, rows, stored, ledger, chunk), claim=HASHTAG_FEATURES.name)
            if ledger:
                wh.release()
        total += count
    if ledger:
        ledger.close()
    progress.advance("features", 2 * len(chunks), 2 * len(chunks))
    return total


def _features_of(wh: Warehouse, platform: str | None, chunk: Chunk) -> ir.Table:
    metrics, *others = (_of_platform(wh.table(name), platform) for name in INPUTS)
    names = ("observations", "video_observations", "sound_observations")
    tables = dict(zip(names, map(_unless_empty, others), strict=True))
    end = chunk.end if chunk.last is None else chunk.last + timedelta(hours=1)  # nothing is asked beyond the last
    clusters = _unless_empty(wh.table("hashtag_clusters"))
    issued = _between(wh.table("predictions"), "issued_at", chunk.start and chunk.start - HISTORY, end)
    issued = _unless_empty(_of_platform(issued.filter(~issued.is_backtest), platform))
    labels = _of_platform(wh.table(VIRAL_LABELS.name), platform)
    labels = labels.filter(labels.labeling_method == AUTOMATIC)  # what people say later is nothing that t knew
    return hashtag_features(
        metrics,
        **tables,
        clusters=None if clusters is None else ClusterTables(clusters, wh.table("hashtag_cluster_assignments")),
        predictions=None if issued is None else PredictionTables(issued, labels),
        start=chunk.start,
        end=end,
        are_few_hours=chunk.start is not None and chunk.last is not None and chunk.last - chunk.start < FEW_HOURS,
        stage=wh.stage,
    )


def _unless_empty(rows: ir.Table) -> ir.Table | None:
    """Return None for a table without rows, which says the same and saves the engine a dozen joins with nothing."""
    return rows if has_rows(rows) else None


def _write(wh: Warehouse, rows: ir.Table, stored: ir.Table, ledger: Ledger | None, chunk: Chunk) -> int:
    if has_rows(stored):
        sync(wh, HASHTAG_FEATURES, rows, stored)
        count = count_rows(rows)
    else:
        count = wh.append(HASHTAG_FEATURES.name, rows)
    if ledger:
        ledger.write(chunk, count)
    return count


def write_feature_definitions(wh: Warehouse, *, clock: Clock) -> int:
    """Write the features as the code defines them to ``feature_definitions`` and return how many rows changed.

    A definition that the code no longer has, or says to be deprecated, gets ``deprecated_at``; an unchanged one keeps
    its ``created_at``.
    """
    table = FEATURE_DEFINITIONS
    stored = {row["feature_name"]: row for row in wh.table(table.name).to_pyarrow().to_pylist()}
    now = as_utc(clock())
    current = {row["feature_name"]: row for row in _definition_rows(now)}
    for name, row in current.items():  # deprecated since when it was first said to be
        if row["deprecated_at"] is not None and name in stored:
            row["deprecated_at"] = stored[name]["deprecated_at"] or now
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
            "deprecated_at": now if d.deprecated else None,
            "replaced_by": d.deprecated,
        }
        for d in ALL_DEFINITIONS
    ]


def _is_same(row: dict[str, object], stored: dict[str, object] | None) -> bool:
    return stored is not None and all(row[name] == stored[name] for name in row if name != "created_at")


def _between(rows: ir.Table, column: str | None, start: datetime | None, end: datetime | None) -> ir.Table:
    moment = rows[column]
    if start is not None:
        rows = rows.filter(moment >= instant(start))
    if end is not None:
        rows = rows.filter(moment < instant(end))
    return rows


def _of_platform(rows: ir.Table, platform: str | None) -> ir.Table:
    return rows if platform is None else rows.filter(rows.platform == platform)


def _with_observed(wide: ir.Table, grid: ir.Table, observations: ir.Table | None, stage: Stage) -> ir.Table:
    """Add what the newest observation says, and the list around a hashtag, of which that gives the category."""
    unknown = {**dict.fromkeys(TOTALS, ibis.null("int64")), CATEGORY: ibis.null("string")}
    if observations is None:
        wide, grid = wide.mutate(**unknown), grid.mutate(**{CATEGORY: ibis.null("string")})
    else:
        observed = stage(observed_totals(observations))
        wide = with_columns_of(wide, observed, ("hashtag_id", "hour"))
        grid = with_columns_of(grid, observed.select("hashtag_id", "hour", CATEGORY), ("hashtag_id", "hour"))
    return with_list_context(wide, grid, stage=stage)


def _with_videos(  # noqa: PLR0913 - as above
    wide: ir.Table,
    videos: ir.Table | None,
    sounds: ir.Table | None,
    start: datetime | None,
    end: datetime | None,
    stage: Stage,
) -> ir.Table:
    if videos is None:
        return wide.mutate(**{name: ibis.null(dtype) for name, dtype in COLUMNS.items()})
    columns = window_columns(wide, VideoTables(videos, sounds), start=start, end=end, stage=stage)
    return with_columns_of(wide, columns, ("hashtag_id", "hour"))
