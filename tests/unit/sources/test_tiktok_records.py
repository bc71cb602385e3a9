from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from trenddrop.sources import Parsed, Source, load_source

CREATED = datetime(2025, 1, 1, 9, tzinfo=UTC)
FETCHED = datetime(2025, 1, 1, 12, tzinfo=UTC)
VIDEO = {
    "id": "77", "text": "Tea time #tea", "createTime": int(CREATED.timestamp()), "fetchTime": int(FETCHED.timestamp()),
    "authorMeta": {"id": "9", "name": "ann", "nickName": "Ann", "verified": True,
                   "signature": "hi", "fans": 10, "heart": 5},
    "musicMeta": {"musicId": "3", "musicName": "Song", "musicAuthor": "Bo", "musicOriginal": False},
    "hashtags": [{"id": "1", "name": "tea"}, {"id": "2", "name": "Calm"}], "playCount": 100, "diggCount": "1.2K",
    "shareCount": 3, "commentCount": 4, "videoMeta": {"duration": 15}, "locationCreated": "VN",
}  # fmt: skip
PAGE = {
    "challenge": {"id": "1", "title": "tea", "desc": "about tea"},
    "stats": {"viewCount": 500, "videoCount": 7},
    "fetchTime": "2025-01-01T12:00:00Z",
}

Rows = Callable[..., list[dict[str, Any]]]
Parse = Callable[[Source, list[Any]], Parsed]


@pytest.fixture
def source() -> Source:
    return load_source("tiktok_records")


def test_a_video_brings_its_creator_and_sound(source: Source, parse: Parse, rows: Rows) -> None:
    parsed = parse(source, [VIDEO])
    (video,) = rows(parsed.videos)
    expected = {
        "video_id": "77", "observed_at": FETCHED, "fetched_at": FETCHED, "created_at": CREATED, "view_count": 100,
        "like_count": 1200, "comment_count": 4, "share_count": 3, "tags": ["tea", "Calm"], "creator_id": "9",
        "sound_id": "3",
        "region": "VN", "duration_seconds": 15, "caption": "Tea time #tea",
    }  # fmt: skip
    assert {name: video[name] for name in expected} == expected
    (creator,) = rows(parsed.creators)
    names = ("creator_id", "username", "bio", "follower_count", "like_count", "is_verified")
    assert [creator[name] for name in names] == ["9", "ann", "hi", 10, 5, True]
    (sound,) = rows(parsed.sounds)
    assert (sound["sound_id"], sound["title"], sound["artist"], sound["is_original"]) == ("3", "Song", "Bo", False)
    assert rows(parsed.hashtags) == []


def test_pages_of_hashtags_creators_and_sounds(source: Source, parse: Parse, rows: Rows) -> None:
    creator = {"authorMeta": VIDEO["authorMeta"], "fetchTime": VIDEO["fetchTime"]}
    sound = {"musicMeta": VIDEO["musicMeta"], "stats": {"videoCount": 12}, "fetchTime": VIDEO["fetchTime"]}
    parsed = parse(source, [PAGE, creator, sound])
    assert [row["entity_type"] for row in rows(parsed.records)] == ["hashtag", "creator", "sound"]
    assert [row["reason"] for row in rows(parsed.records)] == [None, None, None]
    (page,) = rows(parsed.hashtags)
    assert (page["name"], page["view_count"], page["video_count"], page["description"], page["fetched_at"]) == (
        "tea",
        500,
        7,
        "about tea",
        FETCHED,
    )
    assert rows(parsed.sounds)[0]["usage_count"] == 12
    assert rows(parsed.videos) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": None}, "id: is missing"),
        ({"playCount": "lots"}, "playCount: 'lots' is not a number"),
        ({"hashtags": "tea"}, "hashtags: is not a list"),
        ({"createTime": "soon", "shareCount": -1}, "shareCount: '-1' is negative; createTime: 'soon' is not a time"),
    ],
)
def test_bad_videos_have_every_reason(
    source: Source, parse: Parse, rows: Rows, change: dict[str, Any], reason: str
) -> None:
    parsed = parse(source, [VIDEO | change, VIDEO])
    assert [row["reason"] for row in rows(parsed.records)] == [reason, None]
    assert len(rows(parsed.videos)) == 1


def test_a_record_of_no_known_shape_is_refused(source: Source, parse: Parse, rows: Rows) -> None:
    (row,) = rows(parse(source, [{"hello": 1}]).records)
    assert "has none of id, challenge, authorMeta and musicMeta" in row["reason"]


@pytest.mark.parametrize("tags", [[], None, ["tea", "calm"], [{"name": "tea"}, {"name": "calm"}]])
def test_hashtags_as_texts_or_objects(source: Source, parse: Parse, rows: Rows, tags: Any) -> None:
    (video,) = rows(parse(source, [VIDEO | {"hashtags": tags}]).videos)
    assert video["tags"] == (["tea", "calm"] if tags else [])


def test_without_a_fetch_time_the_file_counts_as_fetched_an_hour_after_its_newest_video(
    source: Source, parse: Parse, rows: Rows
) -> None:
    old = {key: value for key, value in VIDEO.items() if key != "fetchTime"}
    parsed = parse(source, [old, old | {"id": "78", "createTime": old["createTime"] + 600}])
    assert {row["fetched_at"] for row in rows(parsed.videos)} == {CREATED + timedelta(minutes=70)}


def test_a_fetch_time_can_be_given(parse: Parse, rows: Rows) -> None:
    source = load_source("tiktok_records", fetched_at=FETCHED)
    old = {key: value for key, value in VIDEO.items() if key != "fetchTime"}
    assert rows(parse(source, [old]).videos)[0]["fetched_at"] == FETCHED


def test_a_page_without_any_time_says_what_to_do(source: Source, parse: Parse, rows: Rows) -> None:
    (row,) = rows(parse(source, [{key: value for key, value in PAGE.items() if key != "fetchTime"}]).records)
    assert "say when it was fetched" in row["reason"]
