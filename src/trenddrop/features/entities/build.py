"""From observations to the features of creators, videos and sounds, and the job that keeps their tables up to date."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir

from trenddrop.core.errors import NotFoundError
from trenddrop.core.progress import SILENT, Progress
from trenddrop.core.time import as_utc
from trenddrop.features.definition import FeatureDefinition
from trenddrop.features.definitions import layers
from trenddrop.features.entities import creators, sounds, videos
from trenddrop.features.entities.window_videos import video_states
from trenddrop.features.visibility import Stage, hour_number_ceil, lazily
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

ENTITY_DEFINITIONS: tuple[FeatureDefinition, ...] = tuple(d for kind in ENTITIES.values() for d in kind.definitions)


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
    wide = _within(wide, start, end)
    for layer in layers(kind.definitions):
        wide = wide.mutate(**{d.name: d.expression(wide).cast(d.dtype) for d in layer})
    return wide.mutate(created_timestamp=wide.feature_timestamp).select(*kind.schema.columns)


def build_entity_features(  # noqa: PLR0913 - which entity, which platform, which range
    wh: Warehouse,
    entity: str,
    *,
    platform: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    progress: Progress = SILENT,
) -> int:
    """Bring the features of ``creator``, ``video`` or ``sound`` up to date for T in [start, end); return their rows.

    Running it twice changes nothing the second time, and a range gives exactly the rows of a full backfill.
    """
    if entity not in ENTITIES:
        raise NotFoundError(f"features of {entity!r}: not defined; choose one of {', '.join(ENTITIES)}")
    kind = ENTITIES[entity]
    stage_name = f"{entity} features"
    progress.advance(stage_name, 0, 2)
    rows = wh.stage(
        entity_features(
            kind,
            _of_platform(wh.table(kind.observations), platform),
            video_observations=_of_platform(wh.table("video_observations"), platform) if kind.has_videos else None,
            start=start,
            end=end,
            stage=wh.stage,
        )
    )
    progress.advance(stage_name, 1, 2)
    stored = _within(_of_platform(wh.table(kind.schema.name), platform), start, end)
    sync(wh, kind.schema, rows, stored)
    progress.advance(stage_name, 2, 2)
    return int(rows.count().to_pyarrow().as_py())


def _first_hours(observations: ir.Table, key: str) -> ir.Table:
    known_at = ibis.greatest(observations.observed_at, observations.fetched_at)
    first = observations.group_by(key).aggregate(first_at=known_at.min())
    return first.select(key, first_hour=hour_number_ceil(first.first_at))


def _recent(observations: ir.Table, start: datetime | None, end: datetime | None) -> ir.Table:
    known_at = ibis.greatest(observations.observed_at, observations.fetched_at)
    if start is not None:
        observations = observations.filter(known_at >= _instant(start - HISTORY))
    return observations if end is None else observations.filter(known_at < _instant(end))


def _within(rows: ir.Table, start: datetime | None, end: datetime | None) -> ir.Table:
    if start is not None:
        rows = rows.filter(rows.feature_timestamp >= _instant(start))
    return rows if end is None else rows.filter(rows.feature_timestamp < _instant(end))


def _instant(moment: datetime) -> ir.TimestampScalar:
    return ibis.literal(as_utc(moment), type=TIMESTAMP)


def _of_platform(rows: ir.Table, platform: str | None) -> ir.Table:
    return rows if platform is None else rows.filter(rows.platform == platform)
