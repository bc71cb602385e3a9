"""The vectors of hashtags over time: what was known of a hashtag in words, from when it was known.

A hashtag's name says what it says from the first moment at which the hashtag is seen. What trends tell about it
(captions, headlines) changes, and only the latest is kept: such a vector counts from when it was computed.
"""

from collections.abc import Iterable

import ibis
import ibis.expr.types as ir
import polars as pl

from trenddrop.core.progress import SILENT, Progress
from trenddrop.embeddings.embedder import Embedder
from trenddrop.embeddings.store import CHUNK
from trenddrop.embeddings.text import split_words, text_hash, trend_parts
from trenddrop.schemas.hashtag_embeddings import HASHTAG_EMBEDDINGS
from trenddrop.warehouse import Warehouse

MOST_WORDS = 64

_NAME = HASHTAG_EMBEDDINGS.name
_KEY = ["hashtag_id", "known_at"]


def embed_hashtags(wh: Warehouse, embedder: Embedder, *, progress: Progress = SILENT) -> int:
    """Add the vectors that ``hashtag_embeddings`` does not have yet and return how many there were.

    Names of new hashtags are encoded; the vectors of trends are taken from ``trend_embeddings`` as they are.
    """
    return _embed_names(wh, embedder, progress=progress) + _take_trends(wh, embedder)


def unembedded_hashtags(wh: Warehouse, model: str) -> ir.Table:
    """Return each hashtag that was seen and whose name has no vector of the model, and from when it was known."""
    metrics, stored = wh.table("hashtag_metrics"), wh.table(_NAME)
    known_at = ibis.greatest(metrics.timestamp, metrics.created_timestamp)
    seen = metrics.group_by("hashtag_id").aggregate(known_at=known_at.min())
    have = stored.filter(stored.model == model).select("hashtag_id").distinct()
    return seen.anti_join(have, "hashtag_id")


def _embed_names(wh: Warehouse, embedder: Embedder, *, progress: Progress) -> int:
    pending = unembedded_hashtags(wh, embedder.name).to_polars().sort("hashtag_id")
    for start in range(0, pending.height, CHUNK):
        chunk = pending.slice(start, CHUNK)
        texts = [_name_text(hashtag_id) for hashtag_id in chunk["hashtag_id"]]
        rows = chunk.with_columns(
            pl.lit(embedder.name).alias("model"),
            pl.Series("text_hash", [text_hash(text, model=embedder.name) for text in texts], dtype=pl.String),
            pl.Series("words", [_words([text]) for text in texts], dtype=pl.List(pl.String)),
            pl.Series("vector", embedder.encode(texts).tolist(), dtype=pl.List(pl.Float32)),
        )
        _append(wh, rows, model=embedder.name)
        progress.advance("embed hashtags", start + chunk.height, pending.height)
    return pending.height


def _take_trends(wh: Warehouse, embedder: Embedder) -> int:
    """Take over the vectors of trends with more to say than the hashtag's name, as long as their texts are there."""
    trends, topics, stored = wh.table("trend_embeddings"), wh.table("trend_topics"), wh.table(_NAME)
    trends = trends.filter(trends.model == embedder.name)
    texts = topics.filter(topics.hashtag_id.notnull()).select(
        "hashtag_id", "title", "tags", "example_captions", "description", trend_id=topics.id
    )
    have = stored.filter(stored.model == embedder.name).select("hashtag_id", "known_at")
    new = trends.mutate(known_at=trends.created_timestamp).inner_join(texts, "trend_id").anti_join(have, _KEY)
    new = new.select(
        "hashtag_id",
        "text_hash",
        "vector",
        "title",
        "tags",
        "example_captions",
        "description",
        "known_at",
    )
    pending = new.to_polars().sort("hashtag_id", "known_at", "text_hash").unique(_KEY, keep="last", maintain_order=True)
    columns = pending.select("title", "tags", "example_captions", "description").iter_rows()
    parts = [
        trend_parts(title, tags=tags or (), captions=captions or (), headline=headline)
        for title, tags, captions, headline in columns
    ]
    is_current = [
        text_hash("\x1e".join(texts_of), model=embedder.name) == stored_hash
        for texts_of, stored_hash in zip(parts, pending["text_hash"], strict=True)
    ]
    rows = pending.select(
        "hashtag_id",
        "known_at",
        "text_hash",
        "vector",
        pl.lit(embedder.name).alias("model"),
        pl.Series("words", [_words(texts_of) for texts_of in parts], dtype=pl.List(pl.String)),
    ).filter(pl.Series(is_current, dtype=pl.Boolean))
    return _append(wh, rows, model=embedder.name) if rows.height else 0


def _append(wh: Warehouse, rows: pl.DataFrame, *, model: str) -> int:
    def write() -> int:
        stored = wh.table(_NAME)
        have = stored.filter(stored.model == model).select(_KEY).to_polars()
        missing = rows.join(have, on=_KEY, how="anti", maintain_order="left")
        return wh.append(_NAME, missing) if missing.height else 0

    return wh.transact(write, claim=_NAME)


def _name_text(hashtag_id: str) -> str:
    name = hashtag_id.partition(":")[2] or hashtag_id
    return split_words(name) or name


def _words(texts: Iterable[str]) -> list[str]:
    """Return the different words in their order: what the texts are about, not what they say."""
    words = (word.strip(".,;:!?\"'()[]…").casefold() for text in texts for word in text.split())
    return list(dict.fromkeys(filter(None, words)))[:MOST_WORDS]
