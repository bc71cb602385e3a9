"""Batches that were taken in become metrics, latest states and trends."""

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from trenddrop.core.progress import SILENT, Progress
from trenddrop.core.time import Clock
from trenddrop.normalized.additions import COUNTERS
from trenddrop.normalized.hashtag_metrics import hashtag_metrics
from trenddrop.normalized.trend_topics import example_captions, newest_scores, trend_topics
from trenddrop.normalized.workspace import Staged
from trenddrop.schemas import TABLES
from trenddrop.staging.unions import union_rows
from trenddrop.warehouse import Warehouse, count_rows, has_rows

CLAIM = "ingest"  # the claim of staging: what it adds meanwhile waits for the next run
STAGE = "normalize"
_STEPS = 4


@dataclass(frozen=True, slots=True)
class NormalizeSummary:
    """What one run brought up to date."""

    batches: int = 0
    hashtags: int = 0
    metric_rows: int = 0  # rows of hashtag_metrics that are new or changed
    videos: int = 0


@dataclass(frozen=True, slots=True)
class _Affected:
    """What the new batches touch; None: everything there is."""

    hashtags: ir.Table | None
    observations: ir.Table
    videos: ir.Table | None


def normalize(wh: Warehouse, *, clock: Clock, progress: Progress | None = None) -> NormalizeSummary:
    """Recompute the hashtags that new batches touch and mark the batches ``completed``, all or nothing.

    The metrics of a hashtag are a function of all of its observations, so what earlier runs wrote of it is compared and
    only the difference is written. Without new batches nothing is read or written.
    """
    batches = wh.table("ingestion_batches")
    if not has_rows(batches.filter(batches.status == "processing")):
        return NormalizeSummary()
    try:
        return wh.transact(lambda: _normalize(wh, clock=clock, progress=progress or SILENT), claim=CLAIM)
    finally:
        wh.release()


def _normalize(wh: Warehouse, *, clock: Clock, progress: Progress) -> NormalizeSummary:
    batches = wh.table("ingestion_batches")
    new = wh.stage(batches.filter(batches.status == "processing"))
    is_first = not has_rows(batches.filter(batches.status == "completed"))
    affected = _affected(wh, new, is_first=is_first)
    progress.advance(STAGE, 1, _STEPS)
    written = _replace(wh, "hashtag_metrics", _metrics(wh, affected), affected.hashtags, key="hashtag_id")
    progress.advance(STAGE, 2, _STEPS)
    hashtags = _of(wh.table("hashtags"), affected.hashtags, "hashtag_id")
    captions = None if affected.videos is None else wh.stage(_captions(wh, affected))
    topics = trend_topics(hashtags, newest_scores(affected.observations), captions)
    _replace(wh, "trend_topics", topics, affected.hashtags, key="id")
    progress.advance(STAGE, 3, _STEPS)
    _complete(wh, new, clock=clock)
    progress.advance(STAGE, _STEPS, _STEPS)
    videos = 0 if affected.videos is None else count_rows(affected.videos.select("video_id").distinct())
    return NormalizeSummary(count_rows(new), count_rows(hashtags), written, videos)


def _affected(wh: Warehouse, new: ir.Table, *, is_first: bool) -> _Affected:
    observations, videos = wh.table("hashtag_observations"), wh.table("video_observations")
    has_videos = has_rows(videos)
    if is_first:
        return _Affected(None, observations, videos if has_videos else None)
    ids = new.select("batch_id")
    named = [observations.semi_join(ids, "batch_id").select("hashtag_id")]
    if has_videos:
        touched = videos.semi_join(ids, "batch_id").select("video_id").distinct()
        named.append(_tags(videos.semi_join(touched, "video_id")).select("hashtag_id"))
    hashtags = wh.stage(union_rows(*named).distinct() if len(named) > 1 else named[0].distinct())
    if has_videos:
        tagged = _tags(videos).semi_join(hashtags, "hashtag_id").select("video_id").distinct()
        videos = wh.stage(videos.semi_join(wh.stage(tagged), "video_id"))
    return _Affected(hashtags, wh.stage(observations.semi_join(hashtags, "hashtag_id")), videos if has_videos else None)


def _tags(videos: ir.Table) -> ir.Table:
    return videos.select("video_id", hashtag_id=videos.hashtag_ids.unnest())


def _metrics(wh: Warehouse, affected: _Affected) -> ir.Table:
    observations = affected.observations
    names = [*COUNTERS, "score", *(f"{counter}_increment" for counter in COUNTERS)]
    found = observations.aggregate(**{name: observations[name].count() for name in names}).to_pyarrow()
    present = [name for name in names if found[name][0].as_py()]
    rows = hashtag_metrics(observations, affected.videos, measures=present, work=Staged(wh))
    return _of(rows, affected.hashtags, "hashtag_id")


def _captions(wh: Warehouse, affected: _Affected) -> ir.Table:
    videos = wh.table("videos")
    if affected.hashtags is not None and affected.videos is not None:
        videos = videos.semi_join(affected.videos.select("video_id").distinct(), "video_id")
    return example_captions(videos)


def _of(rows: ir.Table, hashtags: ir.Table | None, column: str) -> ir.Table:
    return rows if hashtags is None else rows.semi_join(hashtags.rename({column: "hashtag_id"}), column)


def _replace(wh: Warehouse, name: str, rows: ir.Table, hashtags: ir.Table | None, *, key: str) -> int:
    """Write the rows of the hashtags that differ from those that are there; return how many."""
    there = wh.table(name)
    if not has_rows(there):
        return wh.append(name, rows)
    rows, before = wh.stage(rows), wh.stage(_of(there, hashtags, key))
    schema = TABLES[name]
    stale = wh.stage(before.difference(rows).select(*schema.key))
    wh.delete(name, stale)
    return wh.append(name, wh.stage(rows.select(*schema.columns).difference(before.select(*schema.columns))))


def _complete(wh: Warehouse, new: ir.Table, *, clock: Clock) -> None:
    now = ibis.literal(clock(), type="timestamp('UTC', 6)")
    wh.delete("ingestion_batches", new.select("batch_id"))
    wh.append("ingestion_batches", new.mutate(status=ibis.literal("completed"), completed_at=now))
