"""The latest state of hashtags: what their newest records say, and the newest levels of their counters."""

import ibis
import ibis.expr.types as ir

from trenddrop.schemas.hashtags import HASHTAGS
from trenddrop.schemas.table import TIMESTAMP
from trenddrop.sources.engine_functions import strip
from trenddrop.sources.source import Hold, Source
from trenddrop.staging.engine import ParsingEngine
from trenddrop.staging.unions import union_rows
from trenddrop.warehouse import Warehouse, has_rows

_TEXTS = ("trend_type", "language", "geographic_region", "title", "category", "description")
_LEVELS = {"view_count": "total_lifetime_views", "video_count": "total_lifetime_videos"}
_COLUMNS = {
    "hashtag_id": "string",
    "name": "string",
    "first_seen_at": TIMESTAMP,
    "last_updated_at": TIMESTAMP,
    "told_at": TIMESTAMP,
    "observed_at": TIMESTAMP,
    **dict.fromkeys(_LEVELS, "int64"),
    **dict.fromkeys(_TEXTS, "string"),
}


def sightings_of_hashtags(named: ir.Table) -> ir.Table:
    """Return what records of hashtags say about them; one without a title is titled as it writes the name.

    So a record says at least what a mention would, which need not be kept beside it.
    """
    regions = {"geographic_region": named.region} if "region" in named.columns else {}
    moments = dict.fromkeys(("first_seen_at", "last_updated_at", "told_at"), named.fetched_at)
    return _sightings(named.mutate(title=named.title.fill_null(strip(named.written)), **moments, **regions))


def sightings_of_tags(tags: ir.Table) -> ir.Table:
    """Return what the tags of videos say about hashtags: that they were seen, and how they are written."""
    return _sightings(
        tags.mutate(
            first_seen_at=tags.fetched_at,
            last_updated_at=tags.fetched_at,
            title=strip(tags.written),
            trend_type=ibis.literal("hashtag"),
        )
    )


def upsert_hashtags(wh: Warehouse, sightings: ir.Table, source: Source, *, engine: ParsingEngine) -> int:
    """Bring the latest state of the hashtags seen up to date; call it inside a transaction.

    The observations of the records come after it: those that are there say when the state's texts were told.
    """
    there = wh.table("hashtags")
    if has_rows(there):
        ids = wh.stage(engine.give(sightings.select("hashtag_id").distinct()))
        known = engine.fetch(there.semi_join(ids, "hashtag_id"))
        observations = wh.table("hashtag_observations").semi_join(ids, "hashtag_id")
        observed = engine.fetch(observations.select("hashtag_id", "fetched_at", "observed_at", *_LEVELS))
        wh.delete("hashtags", engine.give(known.select("hashtag_id")))
        earlier = (_seen_texts(known, observed), _seen_levels(observed, known))
        seen = [_sightings(rows.mutate(record=ibis.literal(0))) for rows in earlier]
        sightings = union_rows(sightings.mutate(record=ibis.literal(0)), *seen)
    return wh.append("hashtags", engine.give(hashtag_states(sightings, platform=source.platform, hold=engine.hold)))


def hashtag_states(sightings: ir.Table, *, platform: str, hold: Hold) -> ir.Table:
    """Return one row of ``hashtags`` per hashtag; it depends on the set of sightings alone.

    Texts are those of the newest record of the hashtag itself, or, where there is none, of the newest mention; counters
    are the newest level that there is. Among several of one moment the greatest counts.
    """
    times = sightings.group_by("hashtag_id").aggregate(
        first=sightings.first_seen_at.min(),
        last=sightings.last_updated_at.max(),
        told=sightings.told_at.max(),
        **{f"{name}_at": sightings.observed_at.max(where=sightings[name].notnull()) for name in _LEVELS},
    )
    joined = sightings.join(hold(times), "hashtag_id")
    is_told, is_last = joined.told_at == joined.told, joined.last_updated_at == joined["last"]
    has_texts = ibis.ifelse(joined.told.isnull(), is_last, is_told).fill_null(False)
    has_level = {name: (joined.observed_at == joined[f"{name}_at"]).fill_null(False) for name in _LEVELS}
    joined = joined.filter(ibis.or_(has_texts, *has_level.values()))
    states = joined.group_by("hashtag_id").aggregate(
        name=joined.name.max(),
        first_seen_at=joined["first"].max(),
        last_updated_at=joined["last"].max(),
        **{text: joined[text].max(where=has_texts) for text in _TEXTS},
        **{total: joined[name].max(where=has_level[name]) for name, total in _LEVELS.items()},
    )
    rows = states.mutate(status=ibis.literal("active"), platform=ibis.literal(platform))
    return rows.select(*HASHTAGS.columns)


def _sightings(rows: ir.Table) -> ir.Table:
    absent = {name: ibis.null(dtype) for name, dtype in _COLUMNS.items() if name not in rows.columns}
    return rows.mutate(**absent).select("record", *_COLUMNS)


def _seen_texts(known: ir.Table, observed: ir.Table) -> ir.Table:
    """Return earlier states as sightings: told by the newest observation, or mentions where none is kept."""
    told = observed.group_by("hashtag_id").aggregate(told_at=observed.fetched_at.max())
    return known.left_join(told, "hashtag_id").drop("hashtag_id_right")


def _seen_levels(observed: ir.Table, known: ir.Table) -> ir.Table:
    """Return earlier observations as sightings that are older than any text."""
    named = observed.join(known.select("hashtag_id", "name", "first_seen_at"), "hashtag_id")
    return named.mutate(last_updated_at=named.first_seen_at)
