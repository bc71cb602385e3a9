"""Remove a person, a video or a hashtag for good: from every table, the online store and the index of trends."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import polars as pl

from trenddrop.core.errors import InputError, NotFoundError, TrendDropError
from trenddrop.core.ids import hashtag_id
from trenddrop.feature_store import FeatureStoreSession
from trenddrop.flow.mentions import Kind, Wanted, fields_of, records_naming
from trenddrop.flow.videos import index_folder
from trenddrop.flow.workspace import Workspace
from trenddrop.index import ExactIndex, only_change
from trenddrop.metadata.generator import to_json
from trenddrop.schemas import TABLES, raw_data
from trenddrop.sources import Source, load_source
from trenddrop.staging.unions import union_rows
from trenddrop.warehouse import Warehouse

FEEDBACK = "trenddrop"  # the system of what posts earned
DOCUMENTS = ("input", "output", "propensities")  # of a generation, as JSON


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Rows by table: those that are gone, and those that stay without the hashtag or the person's words."""

    deleted: Mapping[str, int]
    changed: Mapping[str, int]


def forget(workspace: Workspace, kind: Kind, entity_id: str) -> Forgotten:
    """Delete every row of the entity and every raw record that names it; take it out of the lists of other rows.

    ``creator`` takes the creator's videos along, and a video what was generated for it. Aggregates over many people
    (hashtag metrics) stay. Old snapshots are dropped too, so that time travel does not bring the rows back.
    Raises InputError for an id that cannot be one.
    """
    identity = _checked(kind, entity_id)
    wh = workspace.warehouse
    videos = _videos_of(wh, identity) if kind == "creator" else [identity] if kind == "video" else []
    rows = _row_keys(wh, kind, identity, videos)
    raw = _raw_ids(workspace, kind, identity, videos) | _feedback_ids(wh, rows.get("platform_metadata_id", []))

    def body() -> Forgotten:
        without = _without_hashtag(wh, identity) if kind == "hashtag" else _without_words(wh, identity, videos)
        changed = {name: _replace(wh, name, part) for name, part in without.items()}
        deleted = Counter({name: _delete(wh, name, {"id": ids}) for name, ids in raw.items()})
        deleted["generations"] += _delete(wh, "generations", {"id": rows.get("generation_id", [])})
        for name, schema in TABLES.items():
            deleted[name] += _delete(
                wh, name, {column: ids for column, ids in rows.items() if column in schema.columns}
            )
        return Forgotten(_some(deleted), _some(changed))

    # No job at work brings rows back: it has written before, or sees that they are gone.
    done = wh.transact(lambda: wh.transact(body, claim="trend_embeddings"), claim="ingest")
    wh.release()
    wh.compact(keep_history=False)
    _forget_online(workspace, kind, identity, videos)
    _forget_in_index(workspace, rows.get("trend_id", []))
    return done


def _checked(kind: Kind, entity_id: str) -> str:
    system, separator, own = entity_id.partition(":")
    if kind == "hashtag" and (separator and system):
        identity = hashtag_id(system, own)
        if identity != f"{system}:":
            return identity
    if kind == "hashtag" or not entity_id or (separator and not own):
        raise InputError(f"{kind} id {entity_id!r}: give it as the tables hold it, platform:name or system:id")
    return entity_id


# --- what goes ------------------------------------------------------------------------------------


def _row_keys(wh: Warehouse, kind: Kind, identity: str, videos: Sequence[str]) -> dict[str, list[str]]:
    """Return the values whose rows go, by column."""
    if kind == "hashtag":
        topics = wh.table("trend_topics")
        trends = _texts(topics.filter(topics.hashtag_id == identity).select("id"))
        return {"hashtag_id": [identity], "trend_id": sorted({identity, *trends})}
    made = _of(wh, wh.table("platform_metadata"), "video_id", videos).select("id", "generation_id").to_polars()
    keys = {"video_id": list(videos), "platform_metadata_id": made["id"].to_list()}
    keys["generation_id"] = made["generation_id"].to_list()
    return keys | ({"creator_id": [identity]} if kind == "creator" else {})


def _videos_of(wh: Warehouse, creator_id: str) -> list[str]:
    tables = (wh.table("videos"), wh.table("video_observations"))
    return sorted({video for t in tables for video in _texts(t.filter(t.creator_id == creator_id).select("video_id"))})


def _raw_ids(workspace: Workspace, kind: Kind, identity: str, videos: Sequence[str]) -> dict[str, list[str]]:
    """Return the ids of the raw records that name the entity, or one of the creator's videos, by table."""
    system, own = identity.split(":", 1) if ":" in identity else ("", identity)
    hash_key = workspace.settings.privacy.hash_key
    wanted = [Wanted(kind, frozenset({own}), hash_key)]
    if kind == "creator" and videos:
        wanted.append(Wanted("video", frozenset(video.removeprefix(f"{system}:") for video in videos)))
    found: dict[str, list[str]] = {}
    for other in _systems(workspace.warehouse):
        if kind == "hashtag" or system in ("", other):
            name = raw_data(other).name
            platform = system if kind == "hashtag" else None
            found[name] = [one for each in wanted for one in _named_in(workspace, name, each, platform)]
    return found


def _named_in(workspace: Workspace, name: str, wanted: Wanted, platform: str | None) -> list[str]:
    """Return the ids of the records of a raw table that name it, of the sources of the platform where one is given."""
    raw = workspace.warehouse.table(name)
    found = []
    for endpoint in _texts(raw.select("source_endpoint").distinct()):
        source = _source(workspace, endpoint)
        mine = raw.filter(raw.source_endpoint == endpoint)
        if platform is not None and source is None:
            mine = mine.semi_join(_batches_of(workspace.warehouse, platform), "batch_id")
        if platform is None or source is None or source.platform == platform:
            found += records_naming(mine, wanted, fields_of(source, wanted.kind))
    return found


def _batches_of(wh: Warehouse, platform: str) -> ir.Table:
    """Return the batches that gave observations of the platform, or came from the system of its name."""
    batches = wh.table("ingestion_batches")
    seen = [wh.table(name) for name in ("hashtag_observations", "video_observations")]
    named = [rows.filter(rows.platform == platform).select("batch_id").distinct() for rows in seen]
    return union_rows(batches.filter(batches.source_system == platform).select("batch_id"), *named).distinct()


def _feedback_ids(wh: Warehouse, metadata_ids: Sequence[str]) -> dict[str, list[str]]:
    """Return the ids of the raw feedback on those posts."""
    name = raw_data(FEEDBACK).name
    if not metadata_ids or not wh.has_table(name):
        return {}
    return {name: records_naming(wh.table(name), Wanted("video", frozenset(metadata_ids)), None)}


def _systems(wh: Warehouse) -> list[str]:
    """Return the systems that records were taken in from."""
    systems = _texts(wh.table("ingestion_batches").select("source_system").distinct())
    return sorted(system for system in systems if wh.has_table(raw_data(system).name))


def _source(workspace: Workspace, name: str) -> Source | None:
    """Return the source of that name; None where it was a mapping elsewhere."""
    try:
        return load_source(name, extra=workspace.settings.configs)
    except TrendDropError:
        return None


# --- what stays without it ------------------------------------------------------------------------


def _without_hashtag(wh: Warehouse, identity: str) -> dict[str, ir.Table]:
    """Return the rows that list the hashtag, or have it with its sign in a text, without it."""
    platform, name = identity.split(":", 1)
    spelled = re.escape(name)
    own, signed = f"(?i)^#*{spelled}$", f"(?i)(?:[#＃]+{spelled})+($|[^\\pL\\pN\\pM_])"

    def unsigned(text: ir.StringValue) -> ir.StringValue:
        return text.re_replace(signed, r"\1")

    def unlisted(names: ir.ArrayValue) -> ir.ArrayValue:
        return names.filter(lambda one: ~one.re_search(own))

    def has(names: ir.ArrayValue) -> ir.BooleanValue:
        return names.filter(lambda one: one.re_search(own)).length() > 0

    videos = wh.table("videos")
    seen = wh.table("video_observations")
    topics = wh.table("trend_topics")
    posts = wh.table("platform_metadata")
    videos = videos.filter((videos.platform == platform) & (has(videos.hashtags) | videos.caption.re_search(signed)))
    seen = _with_key_of(seen, seen.filter(seen.hashtag_ids.contains(identity)), "video_observations")
    is_other = topics.hashtag_id.fill_null("") != identity
    is_told = topics.example_captions.filter(lambda one: one.re_search(signed)).length() > 0
    topics = topics.filter(is_other & (topics.platform == platform) & is_told)
    posts = posts.filter(posts.trend_matches.contains(identity) | has(posts.hashtags))
    return {
        "videos": videos.mutate(hashtags=unlisted(videos.hashtags), caption=unsigned(videos.caption)),
        "video_observations": seen.mutate(hashtag_ids=seen.hashtag_ids.filter(lambda one: one != identity)),
        "trend_topics": topics.mutate(example_captions=topics.example_captions.map(unsigned)),
        "platform_metadata": posts.mutate(
            hashtags=unlisted(posts.hashtags),
            trend_matches=posts.trend_matches.filter(lambda one: one != identity),
            title=unsigned(posts.title),
            description=unsigned(posts.description),
        ),
        "generations": wh.stage(_generations_without(wh, identity)),
    }


def _generations_without(wh: Warehouse, identity: str) -> pl.DataFrame:
    """Return the generations whose documents name the hashtag, without it."""
    spelled = re.escape(identity.split(":", 1)[1])
    rows = wh.table("generations")
    rows = rows.filter(ibis.or_(*(rows[document].re_search(f"(?i){spelled}") for document in DOCUMENTS)))
    own = re.compile(f"(?i)(#*{spelled}|{re.escape(identity)})")
    signed = re.compile(f"(?i)(#+{spelled})+(?!\\w)")

    def pruned(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: pruned(item) for key, item in value.items() if not own.fullmatch(key)}
        if isinstance(value, list):
            return [pruned(item) for item in value if not _is_of(item, own)]
        return signed.sub("", value) if isinstance(value, str) else value

    def without(text: str) -> str:
        return to_json(pruned(json.loads(text)))

    return rows.to_polars().with_columns(pl.col(DOCUMENTS).map_elements(without, return_dtype=pl.String))


def _is_of(item: object, own: re.Pattern[str]) -> bool:
    """Return whether an item of a list is the hashtag, or a match with its trend."""
    named = item.get("trend_id") if isinstance(item, dict) else item
    return isinstance(named, str) and own.fullmatch(named) is not None


def _without_words(wh: Warehouse, identity: str, videos: Sequence[str]) -> dict[str, ir.Table]:
    """Return the trends that the videos' captions stand for as examples, and the creator's own sounds, without them."""
    said = _of(wh, wh.table("videos"), "video_id", videos).select("caption").distinct()
    said = wh.stage(said.filter(said.caption.notnull()))
    topics = wh.table("trend_topics")
    shown = topics.select("id", caption=topics.example_captions.unnest()).semi_join(said, "caption")
    captions = pl.Series(_texts(said), dtype=pl.String)
    told = topics.semi_join(shown.select("id").distinct(), "id").to_polars()
    kept = pl.element().filter(~pl.element().is_in(captions.implode()))
    creators, sounds = wh.table("creators"), wh.table("sounds")
    person = creators.filter(creators.creator_id == identity).select("username", "display_name").to_polars()
    names = [name for name in person.unpivot()["value"].to_list() if name]
    own = sounds.filter(sounds.is_original & sounds.artist.isin(names or [""]))
    return {
        "trend_topics": wh.stage(told.with_columns(pl.col("example_captions").list.eval(kept))),
        "sounds": own.mutate(artist=ibis.null("string")),
    }


# --- how it goes ----------------------------------------------------------------------------------


def _replace(wh: Warehouse, name: str, rows: ir.Table) -> int:
    """Write the rows in place of those with the same keys; return how many."""
    schema = TABLES[name]
    staged = wh.stage(rows.select(*schema.columns))
    wh.delete(name, staged.select(*schema.key))
    return wh.append(name, staged)


def _delete(wh: Warehouse, name: str, keys: Mapping[str, Sequence[str]]) -> int:
    """Delete the rows that hold any of the values in their column; return how many."""
    return sum(wh.delete(name, _frame(column, values)) for column, values in keys.items() if values)


def _with_key_of(table: ir.Table, rows: ir.Table, name: str) -> ir.Table:
    """Return every row that shares its key with one of the rows: a delete by key takes them all."""
    key = TABLES[name].key
    return table.semi_join(rows.select(*key).distinct(), list(key))


def _of(wh: Warehouse, table: ir.Table, column: str, values: Sequence[str]) -> ir.Table:
    return table.semi_join(wh.stage(_frame(column, values)), column)


def _frame(column: str, values: Sequence[str]) -> pl.DataFrame:
    return pl.DataFrame({column: list(values)}, schema={column: pl.String})


def _texts(column: ir.Table) -> list[str]:
    return [text for text in column.to_pyarrow()[0].to_pylist() if text is not None]


def _some(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count}


def _forget_online(workspace: Workspace, kind: Kind, identity: str, videos: Sequence[str]) -> None:
    """Take the features out of the online store, where there is one."""
    if (workspace.settings.home / "feast" / "registry.db").exists():
        with closing(FeatureStoreSession(workspace.settings)) as session:
            session.remove_online(f"{kind}_id", [identity])
            if kind == "creator":
                session.remove_online("video_id", videos)


def _forget_in_index(workspace: Workspace, trends: Sequence[str]) -> None:
    """Take the trends out of the index, where there is one."""
    folder = index_folder(workspace.settings)
    if not trends or not folder.is_dir():
        return
    with only_change(folder):
        try:
            index = ExactIndex.load(folder)
        except NotFoundError:
            return
        if index.remove(trends):
            index.save(folder)
