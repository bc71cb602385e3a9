"""The dated vectors of hashtags: a name from when it is first seen, what trends tell from when it was computed."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from trenddrop.embeddings import embed_hashtags, embed_trends

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Letters:
    """Embeds a text as how often it has each of some letters."""

    name = "letters"
    dimensions = 4

    def __init__(self):
        self.texts = []

    def encode(self, texts):
        self.texts += texts
        rows = np.array([[1 + text.count(letter) for letter in "aeio"] for text in texts], dtype=np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def metric(tag, at, late_minutes=-5):
    moment = START + at * HOUR
    return {
        "hashtag_id": f"tiktok:{tag}",
        "timestamp": moment,
        "created_timestamp": moment + timedelta(minutes=late_minutes),
        "window_duration_minutes": 60,
        "is_gap": False,
        "is_reset": False,
        "platform": "tiktok",
    }


def topic(tag, captions=(), description=None):
    return {
        "id": f"t-{tag}",
        "source": "tiktok",
        "platform": "tiktok",
        "trend_type": "hashtag",
        "title": tag,
        "tags": [tag],
        "matched_keywords": [],
        "fetched_at": START,
        "hashtag_id": f"tiktok:{tag}",
        "description": description,
        "example_captions": list(captions),
    }


def append(wh, table, *rows):
    lists = {"matched_keywords": pl.List(pl.String), "example_captions": pl.List(pl.String), "description": pl.String}
    overrides = lists if table == "trend_topics" else {}
    wh.append(table, pl.DataFrame(rows, schema_overrides=overrides))


def stored(wh):
    rows = wh.table("hashtag_embeddings").to_pyarrow().to_pylist()
    return {(row["hashtag_id"].removeprefix("tiktok:"), row["known_at"]): row for row in rows}


def test_a_name_counts_from_when_the_hashtag_is_first_visible_and_is_encoded_once(any_wh):
    embedder = Letters()
    append(any_wh, "hashtag_metrics", metric("pasta_time", 5), metric("pasta_time", 3, 90), metric("cats", 1))
    assert embed_hashtags(any_wh, embedder) == 2
    rows = stored(any_wh)
    assert set(rows) == {("pasta_time", START + 4.5 * HOUR), ("cats", START + HOUR)}  # hour 3 was learnt at 4:30
    assert rows["pasta_time", START + 4.5 * HOUR]["words"] == ["pasta", "time"]
    assert sorted(embedder.texts) == ["cats", "pasta time"]
    assert embed_hashtags(any_wh, embedder) == 0
    append(any_wh, "hashtag_metrics", metric("cats", 2), metric("dogs", 2))
    assert embed_hashtags(any_wh, embedder) == 1
    assert len(embedder.texts) == 3


def test_what_a_trend_tells_counts_from_when_it_was_embedded_and_its_past_stays(any_wh):
    embedder, clock = Letters(), [START + 10 * HOUR]
    append(any_wh, "hashtag_metrics", metric("cats", 1))
    append(any_wh, "trend_topics", topic("cats", ["a sleepy kitten", "Kitten again!"]))
    embed_trends(any_wh, embedder, clock=lambda: clock[0])
    assert embed_hashtags(any_wh, embedder) == 2
    first = stored(any_wh)
    assert first["cats", clock[0]]["words"] == ["cats", "a", "sleepy", "kitten", "again"]
    any_wh.delete("trend_topics", pl.DataFrame({"id": ["t-cats"]}))
    append(any_wh, "trend_topics", topic("cats", ["lions"]))
    assert embed_hashtags(any_wh, embedder) == 0  # the new text has no vector yet
    clock[0] += HOUR
    embed_trends(any_wh, embedder, clock=lambda: clock[0])
    assert embed_hashtags(any_wh, embedder) == 1
    rows = stored(any_wh)
    assert rows["cats", clock[0]]["words"] == ["cats", "lions"]
    assert {key: rows[key] for key in first} == first


def test_a_vector_whose_text_has_changed_since_is_not_taken(wh):
    embedder = Letters()
    append(wh, "trend_topics", topic("cats", ["kittens"]))
    embed_trends(wh, embedder, clock=lambda: START)
    wh.delete("trend_topics", pl.DataFrame({"id": ["t-cats"]}))
    append(wh, "trend_topics", topic("cats", ["lions"]))
    assert embed_hashtags(wh, embedder) == 0


def test_models_are_kept_apart(wh):
    append(wh, "hashtag_metrics", metric("cats", 1))
    assert embed_hashtags(wh, Letters()) == 1
    other = Letters()
    other.name = "others"
    assert embed_hashtags(wh, other) == 1
    assert embed_hashtags(wh, other) == 0
