"""From observations to the features of creators, videos and sounds, and the job that keeps their tables up to date."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir

from trenddrop.core.errors import NotFoundError
from trenddrop.core.progress import SILENT, Progress
from trenddrop.core.time import as_utc
from trenddrop.features.chunks import CHUNK_ROWS, Chunk, chunks_of
from trenddrop.features.definition import FeatureDefinition
from trenddrop.features.definitions import layers
from trenddrop.features.entities import creators, sounds, videos
from trenddrop.features.entities.window_videos import video_states
from trenddrop.features.visibility import Stage, instant, lazily
from trenddrop.normalized.hours import hour_of
from trenddrop.schemas import TABLES, TableSchema
from trenddrop.schemas.table import TIMESTAMP
from trenddrop.warehouse import Warehouse, sync

HISTORY = timedelta(days=22)  # two windows of 7 days, and 7 days in which an observation is remembered


@dataclass(frozen=True, slots=True)
class EntityFeatures:
    """One kind of entity: where it is observed, what is computed of it, and where that is kept."""

    name: str
    key: str
    observations: str
    definitions: tuple[FeatureDefinition, ...]
    rows: Callable[..., ir.Table]
    has_videos: bool = True

    @property
    def schema(self) -> TableSchema:
        """Return the table of the features."""
        return TABLES[f"{self.name}_features"]


ENTITIES: dict[str, EntityFeatures] = {
    kind.name: kind
    for kind in (
        EntityFeatures("creator", creators.KEY, creators.TABLE, creators.DEFINITIONS, creators.creator_rows),
        EntityFeatures("video", videos.KEY, videos.TABLE, videos.DEFINITIONS, videos.video_rows, has_videos=False),
        EntityFeatures("sound", sounds.KEY, sounds.TABLE, sounds.DEFINITIONS, sounds.sound_rows),
    )
}


def entity_features(  # noqa: PLR0913 - an optional input and a range
    kind: EntityFeatures,
    observations: ir.Table,
    *,
    video_observations: ir.Table | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    stage: Stage = lazily,
) -> ir.Table:
    """Return one row of the entity's features per (entity, T), from observations visible at T only.

    T runs over the hours in [start, end) in which an observation of the entity became known. ``observations`` may be
    all there are: of those known ``HISTORY`` before ``start`` only the first is looked at, for the age.
    """
    first = _first_hours(observations, kind.key)
    recent = _recent(observations, start, end)
    if kind.has_videos:
        states = None
        if video_observations is not None:
            states = stage(video_states(_recent(video_observations, start, end), stage=stage))
        wide = kind.rows(recent, states, stage=stage)
    else:
        wide = kind.rows(recent, stage=stage)
    wide = wide.inner_join(stage(first), kind.key)
    wide = wide.mutate(feature_timestamp=(wide.hour * 3600).as_timestamp("s").cast(TIMESTAMP))
    wide = _within(wide, "feature_timestamp", start, end)
    for layer in layers(kind.definitions):
        wide = wide.mutate(**{d.name: d.expression(wide).cast(d.dtype) for d in layer})
    return wide.mutate(created_timestamp=wide.feature_timestamp).select(*kind.schema.columns)


def build_entity_features(  # noqa: PLR0913 - which entity, which platform, which range and how to cut it
    wh: Warehouse,
    entity: str,
    *,
    platform: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    progress: Progress = SILENT,
    chunk_rows: int = CHUNK_ROWS,
) -> int:
    """Bring the features of ``creator``, ``video`` or ``sound`` up to date for T in [start, end); return their rows.

    Running it twice changes nothing the second time, and a range gives exactly the rows of a full backfill. A range of
    more than ``chunk_rows`` observations is built in parts of whole days, each committed, after which all staged
    tables are released.
    """
    if entity not in ENTITIES:
        raise NotFoundError(f"features of {entity!r}: not defined; choose one of {', '.join(ENTITIES)}")
    kind = ENTITIES[entity]
    start, end = start and as_utc(start), end and as_utc(end)
    observations = _of_platform(wh.table(kind.observations), platform)
    moments = observations.select(timestamp=ibis.greatest(observations.observed_at, observations.fetched_at))
    chunks = chunks_of(_within(moments, "timestamp", start, end), start, end, rows=chunk_rows)
    total = 0
    for number, chunk in enumerate(chunks):
        progress.advance(f"{entity} features", number, len(chunks))
        total += _build_chunk(wh, kind, platform, chunk)
        if len(chunks) > 1:
            wh.release()
    progress.advance(f"{entity} features", len(chunks), len(chunks))
    return total


def _build_chunk(wh: Warehouse, kind: EntityFeatures, platform: str | None, chunk: Chunk) -> int:
    rows = wh.stage(
        entity_features(
            kind,
            _of_platform(wh.table(kind.observations), platform),
            video_observations=_of_platform(wh.table("video_observations"), platform) if kind.has_videos else None,
            start=chunk.start,
            end=chunk.end,
            stage=wh.stage,
        )
    )
    stored = _within(_of_platform(wh.table(kind.schema.name), platform), "feature_timestamp", chunk.start, chunk.end)
    sync(wh, kind.schema, rows, stored)
    return int(rows.count().to_pyarrow().as_py())


def _first_hours(observations: ir.Table, key: str) -> ir.Table:
    known_at = ibis.greatest(observations.observed_at, observations.fetched_at)
    first = observations.group_by(key).aggregate(first_at=known_at.min())
    return first.select(key, first_hour=hour_of(first.first_at))


def _recent(observations: ir.Table, start: datetime | None, end: datetime | None) -> ir.Table:
    known_at = ibis.greatest(observations.observed_at, observations.fetched_at)
    if start is not None:
        observations = observations.filter(known_at >= instant(start - HISTORY))
    return observations if end is None else observations.filter(known_at < instant(end))


def _within(rows: ir.Table, column: str, start: datetime | None, end: datetime | None) -> ir.Table:
    if start is not None:
        rows = rows.filter(rows[column] >= instant(start))
    return rows if end is None else rows.filter(rows[column] < instant(end))


def _of_platform(rows: ir.Table, platform: str | None) -> ir.Table:
    return rows if platform is None else rows.filter(rows.platform == platform)
