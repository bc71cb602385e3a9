from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from trenddrop.index import ExactIndex, index_trends

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TIME = pl.Datetime("us", "UTC")


def add_trends(wh, *rows):
    """Each row: id, platform, hashtag_id, model, vector."""
    topics = pl.DataFrame(
        [
            {"id": id, "source": "s", "platform": platform, "trend_type": "hashtag", "title": f"T {id}"}
            | {"tags": [], "matched_keywords": [], "example_captions": [], "fetched_at": NOW, "hashtag_id": hashtag}
            for id, platform, hashtag, _, _ in rows
        ],
        schema_overrides=dict.fromkeys(("tags", "matched_keywords", "example_captions"), pl.List(pl.String))
        | {"fetched_at": TIME, "hashtag_id": pl.String},
    )
    vectors = pl.DataFrame(
        [
            {"trend_id": id, "model": model, "text_hash": "h", "vector": vector, "created_timestamp": NOW}
            for id, _, _, model, vector in rows
        ],
        schema_overrides={"vector": pl.List(pl.Float32), "created_timestamp": TIME},
    )

    def write():
        wh.append("trend_topics", topics)
        wh.append("trend_embeddings", vectors)

    wh.transact(write)


def test_vectors_of_the_indexs_model_are_indexed_with_their_topics_metadata(wh):
    add_trends(
        wh,
        ("a", "tiktok", "tiktok:a", "toy", [1.0, 0.0]),
        ("b", "weibo", None, "toy", [0.0, 1.0]),
        ("c", "tiktok", None, "other", [1.0, 0.0]),
    )
    index = ExactIndex("toy", 2)
    assert index_trends(wh, index) == 2
    (hits,) = index.search(np.array([[0, 1]], dtype=np.float32), 5)
    assert [hit.id for hit in hits] == ["b", "a"]
    assert hits[0].metadata == {
        "platform": "weibo",
        "trend_type": "hashtag",
        "title": "T b",
        "hashtag_id": "",
        "source": "s",
    }


def test_topics_not_seen_since_are_left_out(wh):
    add_trends(wh, ("a", "tiktok", None, "toy", [1.0, 0.0]))
    assert index_trends(wh, ExactIndex("toy", 2), since=NOW) == 1
    assert index_trends(wh, ExactIndex("toy", 2), since=NOW + timedelta(seconds=1)) == 0


def test_no_trends_are_an_empty_index(wh):
    index = ExactIndex("toy", 2)
    assert index_trends(wh, index) == 0
    assert len(index) == 0
