"""Parsed records as rows of the tables of observations and of entities."""

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from trenddrop.core.settings import Privacy
from trenddrop.schemas import TABLES
from trenddrop.sources.engine_functions import keyed_hash
from trenddrop.sources.names import plain_name
from trenddrop.sources.source import Parsed, Source
from trenddrop.staging.engine import ParsingEngine
from trenddrop.staging.hashtags import sightings_of_hashtags, sightings_of_tags
from trenddrop.staging.names import with_hashtag_ids
from trenddrop.staging.unions import union_rows


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows by table, with ``record``: ``observations`` to append, ``entities`` whose latest state they bring.

    ``sightings`` say what hashtags are called and what is known about them.
    """

    observations: dict[str, ir.Table]
    entities: dict[str, ir.Table]
    sightings: ir.Table | None


def rows_of(parsed: Parsed, *, source: Source, privacy: Privacy, engine: ParsingEngine) -> Rows:
    """Return the rows that the good records give; ids get the prefix of their system, names are kept or hashed."""
    observations: dict[str, ir.Table] = {}
    entities: dict[str, ir.Table] = {}
    sightings = []
    if parsed.hashtags is not None:
        named = with_hashtag_ids(parsed.hashtags, platform=source.platform, engine=engine)
        observations["hashtag_observations"] = _columns("hashtag_observations", named, source)
        sightings.append(sightings_of_hashtags(named))
    if parsed.videos is not None:
        tags = _tags(parsed.videos, source, engine)
        videos = _prefixed(parsed.videos, source, "video_id", "creator_id", "sound_id")
        videos = engine.hold(_with_hashtag_ids(videos, tags))
        observations["video_observations"] = _columns("video_observations", videos, source)
        entities["videos"] = _videos(videos, source)
        sightings.append(sightings_of_tags(tags))
    if parsed.creators is not None:
        creators = _private(_prefixed(parsed.creators, source, "creator_id"), privacy)
        observations["creator_observations"] = _columns("creator_observations", creators, source)
        entities["creators"] = _entity("creators", creators, source)
    if parsed.sounds is not None:
        sounds = _prefixed(_private_artist(parsed.sounds, privacy), source, "sound_id")
        observations["sound_observations"] = _columns("sound_observations", sounds, source)
        entities["sounds"] = _entity("sounds", sounds, source)
    return Rows(observations, entities, union_rows(*sightings) if sightings else None)


def _columns(table: str, rows: ir.Table, source: Source) -> ir.Table:
    rows = rows.mutate(platform=ibis.literal(source.platform))
    return rows.select("record", *(column for column in TABLES[table].columns if column in rows.columns))


def _entity(table: str, rows: ir.Table, source: Source) -> ir.Table:
    rows = rows.mutate(
        first_seen_at=rows.fetched_at, last_updated_at=rows.fetched_at, platform=ibis.literal(source.platform)
    )
    kept = [column for column in TABLES[table].columns if column in rows.columns]
    return rows.select("record", *kept)


def _videos(videos: ir.Table, source: Source) -> ir.Table:
    empty = ibis.literal([], type="array<string>")
    sounds = (
        ibis.ifelse(videos.sound_id.isnull(), empty, ibis.array([videos.sound_id]))
        if "sound_id" in videos.columns
        else empty
    )
    return _entity("videos", videos.mutate(hashtags=videos.hashtag_names, sounds=sounds, effects=empty), source)


def _tags(videos: ir.Table, source: Source, engine: ParsingEngine) -> ir.Table:
    """Return one row per tag of a video: ``record``, ``fetched_at``, ``written``, ``name``, ``hashtag_id``."""
    tags = videos.select("record", "fetched_at", name=videos.tags.unnest())
    tags = engine.hold(tags.mutate(plain=plain_name(tags.name)))
    return engine.hold(with_hashtag_ids(tags, platform=source.platform, engine=engine))


def _with_hashtag_ids(videos: ir.Table, tags: ir.Table) -> ir.Table:
    """Add ``hashtag_ids`` and ``hashtag_names``: the distinct ones, in order of their ids."""
    distinct = tags.select("record", "hashtag_id", "name").distinct()
    grouped = distinct.group_by("record").aggregate(
        hashtag_ids=distinct.hashtag_id.collect(order_by=distinct.hashtag_id),
        hashtag_names=distinct.name.collect(order_by=distinct.hashtag_id),
    )
    empty = ibis.literal([], type="array<string>")
    joined = videos.drop("tags").left_join(grouped, "record").drop("record_right")
    return joined.mutate(
        hashtag_ids=joined.hashtag_ids.fill_null(empty), hashtag_names=joined.hashtag_names.fill_null(empty)
    )


def _prefixed(rows: ir.Table, source: Source, *columns: str) -> ir.Table:
    prefix = ibis.literal(f"{source.system}:")
    return rows.mutate(**{column: prefix + rows[column] for column in columns if column in rows.columns})


def _private(creators: ir.Table, privacy: Privacy) -> ir.Table:
    if privacy.keep_names:
        return creators
    hidden = {name: ibis.null("string") for name in ("display_name", "bio") if name in creators.columns}
    if "username" in creators.columns:
        hidden["username"] = keyed_hash(creators.username, key=privacy.hash_key)
    return creators.mutate(**hidden)


def _private_artist(sounds: ir.Table, privacy: Privacy) -> ir.Table:
    """Hash the author of an original sound, who is a creator."""
    if privacy.keep_names or "artist" not in sounds.columns:
        return sounds
    is_public = ~sounds.is_original.fill_null(False)
    return sounds.mutate(artist=ibis.ifelse(is_public, sounds.artist, keyed_hash(sounds.artist, key=privacy.hash_key)))
