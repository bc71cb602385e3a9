from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from trenddrop.embeddings import VideoText, embed_trends, embed_videos, store
from trenddrop.embeddings.store import combined_vectors

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def topics(*rows):
    """Each row: id, title, captions, description."""
    return pl.DataFrame(
        [
            {
                "id": id,
                "source": "tiktok",
                "platform": "tiktok",
                "trend_type": "hashtag",
                "title": title,
                "tags": [title],
                "matched_keywords": [],
                "score": None,
                "fetched_at": NOW,
                "hashtag_id": f"tiktok:{title}",
                "description": description,
                "example_captions": captions,
            }
            for id, title, captions, description in rows
        ],
        schema_overrides={
            "score": pl.Float64,
            "matched_keywords": pl.List(pl.String),
            "example_captions": pl.List(pl.String),
            "description": pl.String,
            "fetched_at": pl.Datetime("us", "UTC"),
        },
    )


def replace_topics(wh, rows):
    def write():
        wh.delete("trend_topics", rows.select("id"))
        wh.append("trend_topics", rows)

    wh.transact(write)


def vectors_of(wh, table="trend_embeddings"):
    rows = wh.table(table).to_pyarrow().to_pylist()
    key = "trend_id" if table == "trend_embeddings" else "video_id"
    assert len({row[key] for row in rows}) == len(rows)
    return {row[key]: row["vector"] for row in rows}


def test_only_trends_whose_text_changed_are_embedded_again(wh, embedder, clock):
    replace_topics(wh, topics(("a", "booktok", ["my shelf"], None), ("b", "pasta", [], "Italian dish")))
    assert embed_trends(wh, embedder, clock=clock) == 2
    first = vectors_of(wh)
    assert embed_trends(wh, embedder, clock=clock) == 0
    replace_topics(wh, topics(("b", "pasta", ["ten minute dinner"], "Italian dish")))
    assert embed_trends(wh, embedder, clock=clock) == 1
    second = vectors_of(wh)
    assert second["a"] == first["a"]
    assert second["b"] != first["b"]
    assert np.linalg.norm(second["b"]) == pytest.approx(1.0, abs=1e-6)


def test_topics_not_seen_since_are_left_out(wh, embedder, clock):
    replace_topics(wh, topics(("a", "booktok", [], None)))
    assert embed_trends(wh, embedder, clock=clock, since=NOW + timedelta(seconds=1)) == 0
    assert embed_trends(wh, embedder, clock=clock, since=NOW) == 1


def test_a_trend_that_is_deleted_while_it_is_embedded_stays_away(any_wh, embedder, clock):
    replace_topics(any_wh, topics(("a", "booktok", [], None), ("b", "pasta", [], None)))

    class Slow:
        name, dimensions = embedder.name, embedder.dimensions

        def encode(self, texts):
            any_wh.delete("trend_topics", pl.DataFrame({"id": ["a"]}))
            return embedder.encode(texts)

    embed_trends(any_wh, Slow(), clock=clock)
    assert set(vectors_of(any_wh)) == {"b"}


def test_a_job_that_was_killed_goes_on_where_it_stopped(wh, embedder, clock, monkeypatch):
    monkeypatch.setattr(store, "CHUNK", 2)
    replace_topics(wh, topics(*[(f"t{n}", f"topic{n}", [], None) for n in range(5)]))
    calls = []

    class Dying:
        name, dimensions = embedder.name, embedder.dimensions

        def encode(self, texts):
            calls.append(len(texts))
            if len(calls) == 2:
                raise KeyboardInterrupt
            return embedder.encode(texts)

    with pytest.raises(KeyboardInterrupt):
        embed_trends(wh, Dying(), clock=clock)
    assert set(vectors_of(wh)) == {"t0", "t1"}
    assert embed_trends(wh, embedder, clock=clock) == 3
    assert set(vectors_of(wh)) == {f"t{n}" for n in range(5)}


def test_videos_are_embedded_from_what_is_known_of_them(wh, embedder, clock):
    texts = [VideoText("v2", transcript="We cook pasta."), VideoText("v1", caption="Run #fit", hashtags=("fit",))]
    assert embed_videos(wh, embedder, clock=clock, texts=texts) == 2
    assert embed_videos(wh, embedder, clock=clock, texts=texts) == 0
    found = vectors_of(wh, "video_embeddings")
    pasta, dinner = embedder.encode(["We cook pasta.", "making dinner"])
    assert found["v2"] == pytest.approx(pasta.tolist(), abs=1e-6)
    assert np.dot(found["v2"], dinner) > np.dot(found["v1"], dinner)


def test_without_texts_the_table_of_videos_is_read(wh, embedder, clock):
    assert embed_videos(wh, embedder, clock=clock) == 0
    row = {"video_id": "v", "last_updated_at": NOW, "caption": "Garden tour", "hashtags": ["tiktok:garden"]}
    row |= {"sounds": [], "effects": [], "platform": "tiktok", "first_seen_at": NOW}
    lists = {"sounds": pl.List(pl.String), "effects": pl.List(pl.String)}
    times = dict.fromkeys(("last_updated_at", "first_seen_at"), pl.Datetime("us", "UTC"))
    wh.transact(lambda: wh.append("videos", pl.DataFrame([row], schema_overrides=lists | times)))
    assert embed_videos(wh, embedder, clock=clock) == 1
    expected = embedder.encode(["Garden tour. garden"])[0]
    assert vectors_of(wh, "video_embeddings")["v"] == pytest.approx(expected.tolist(), abs=1e-6)


def test_a_trends_vector_lies_between_its_name_and_its_examples(embedder):
    name, one, two = embedder.encode(["run", "jogging in the park", "marathon training"])
    vectors = combined_vectors([["run", "jogging in the park", "marathon training"], ["run"]], embedder)
    expected = 0.25 * name + (one + two) / 2
    np.testing.assert_allclose(vectors[0], expected / np.linalg.norm(expected), atol=1e-5)
    np.testing.assert_allclose(vectors[1], name, atol=1e-5)
