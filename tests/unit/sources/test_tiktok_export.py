from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from trenddrop.core.ids import keyed_hash
from trenddrop.sources import Parsed, Source, load_source

RECORD = {
    "user_name": "ann", "user_nfollower": "304.9K", "vid_id": "7506832682593094928", "vid_caption": "Giấc mơ",
    "vid_postTime": "2025-05-21 09:44:45", "vid_scrapeTime": "2025-05-29 15:38:41", "vid_duration": "00:31",
    "vid_nview": "541.2K", "vid_nlike": "21.9K", "vid_ncomment": "454", "vid_nshare": "742", "vid_nsave": "1098",
    "vid_hashtags": "xuhuong, fyp", "music_id": "7.506832745952218e+18", "music_title": "nhạc nền",
    "music_nused": "21.3K videos",
    "music_authorName": "bo", "music_originality": "True",
}  # fmt: skip

Rows = Callable[..., list[dict[str, Any]]]
Parse = Callable[[Source, list[Any]], Parsed]


def test_shortened_numbers_and_times(parse: Parse, rows: Rows) -> None:
    parsed = parse(load_source("tiktok_export"), [RECORD])
    (video,) = rows(parsed.videos)
    assert (video["view_count"], video["like_count"], video["comment_count"], video["duration_seconds"]) == (
        541_200,
        21_900,
        454,
        31,
    )
    assert video["created_at"] == datetime(2025, 5, 21, 9, 44, 45, tzinfo=UTC)
    assert [tag.strip() for tag in video["tags"]] == ["xuhuong", "fyp"]
    assert rows(parsed.sounds)[0]["usage_count"] == 21_300


def test_a_creator_is_known_by_a_keyed_hash_of_the_name(parse: Parse, rows: Rows) -> None:
    (creator,) = rows(parse(load_source("tiktok_export"), [RECORD]).creators)
    assert creator["creator_id"] == keyed_hash("ann", key="key")
    assert creator["follower_count"] == 304_900


def test_a_sound_is_its_title_and_author_because_its_id_lost_digits(parse: Parse, rows: Rows) -> None:
    records = [
        RECORD,
        RECORD | {"music_id": "7.5e+18"},
        RECORD | {"music_authorName": "cy"},
        RECORD | {"music_title": "", "music_authorName": ""},
    ]
    sounds = [row["sound_id"] for row in rows(parse(load_source("tiktok_export"), records).videos)]
    assert sounds[0] == sounds[1] != sounds[2]
    assert sounds[3] is None


def test_unreadable_values_have_every_reason(parse: Parse, rows: Rows) -> None:
    (row,) = rows(
        parse(load_source("tiktok_export"), [RECORD | {"vid_nview": "?", "vid_id": "", "vid_scrapeTime": "x"}]).records
    )
    assert row["reason"] == "vid_nview: '?' is not a number; vid_id: is empty; vid_scrapeTime: 'x' is not a time"
