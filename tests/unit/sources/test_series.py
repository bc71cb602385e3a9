from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from trenddrop.core.errors import ConfigError
from trenddrop.sources import Parsed, Source, load_source
from trenddrop.sources.series import SeriesSource

BASE = {"kind": "series", "platform": "forum", "hashtag": "topic", "time": "at", "counters": {"view_count": "views"}}
RECORD = {"topic": "#Tea", "at": "2025-01-01T10:00:00Z", "views": "1.5K"}
MOMENT = datetime(2025, 1, 1, 10, tzinfo=UTC)

Rows = Callable[..., list[dict[str, Any]]]
Parse = Callable[[Source, list[Any]], Parsed]
Build = Callable[..., SeriesSource]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    def make(**changes: Any) -> SeriesSource:
        path = tmp_path / "forum.yaml"
        path.write_text(yaml.safe_dump(BASE | changes))
        source = load_source(str(path))
        assert isinstance(source, SeriesSource)
        return source

    return make


def test_a_record_becomes_an_observation(build: Build, parse: Parse, rows: Rows) -> None:
    parsed = parse(build(), [RECORD])
    (row,) = rows(parsed.hashtags)
    assert (row["name"], row["observed_at"], row["fetched_at"], row["view_count"], row["title"]) == (
        "#Tea", MOMENT, MOMENT, 1500, "#Tea",
    )  # fmt: skip
    assert rows(parsed.records)[0]["reason"] is None


def test_window_counters_have_columns_of_their_own(build: Build, parse: Parse, rows: Rows) -> None:
    source = build(counters={"view_count": {"field": "views", "kind": "window"}})
    (row,) = rows(parse(source, [RECORD]).hashtags)
    assert row["view_count_increment"] == 1500
    assert "view_count" not in row


def test_the_fetch_time_may_be_another_field_in_another_zone(build: Build, parse: Parse, rows: Rows) -> None:
    source = build(fetched={"field": "got", "format": "iso", "timezone": "Asia/Tokyo"})
    (row,) = rows(parse(source, [RECORD | {"got": "2025-01-01 20:00"}]).hashtags)
    assert (row["observed_at"], row["fetched_at"]) == (MOMENT, MOMENT.replace(hour=11))


def test_fields_inside_objects(build: Build, parse: Parse, rows: Rows) -> None:
    source = build(counters={"view_count": "stats.seen"})
    (row,) = rows(parse(source, [RECORD | {"stats": {"seen": 7}}]).hashtags)
    assert row["view_count"] == 7


@pytest.mark.parametrize(
    ("hashtag", "value", "names"),
    [
        ({"field": "tags", "separator": ","}, "a, b ,,#", ["a", " b "]),
        ({"field": "tags", "is_list": True}, ["a", "b"], ["a", "b"]),
        ({"field": "tags", "is_list": True, "item": "name"}, [{"name": "a"}, {"name": "b"}], ["a", "b"]),
    ],
)
def test_several_hashtags_in_one_record(
    build: Build, parse: Parse, rows: Rows, hashtag: Any, value: Any, names: list[str]
) -> None:
    found = rows(parse(build(hashtag=hashtag), [RECORD | {"tags": value}]).hashtags)
    assert sorted(row["name"] for row in found) == sorted(names)


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        ({"op": "ne", "value": True}, [2, 3, 4]),
        ({"op": "eq", "value": True}, [1]),
        ({"op": "in", "value": [3, "x"]}, [3, 4]),
        ({"op": "not_in", "value": [3]}, [1, 2, 4]),
        ({"op": "ge", "value": 3}, [3]),
        ({"op": "eq", "value": 3.0}, [3]),
        ({"op": "matches", "value": "^[a-z]$"}, [4]),
    ],
)
def test_filtered_records_are_processed_but_give_nothing(
    build: Build, parse: Parse, rows: Rows, rule: Any, kept: list[int]
) -> None:
    records = [
        RECORD | {"views": 1, "mark": True},
        RECORD | {"views": 2},
        RECORD | {"views": 3, "mark": 3},
        RECORD | {"views": 4, "mark": "x"},
    ]
    parsed = parse(build(filters=[{"field": "mark", **rule}]), records)
    assert [row["view_count"] for row in rows(parsed.hashtags)] == kept
    assert all(row["reason"] is None for row in rows(parsed.records))


BAD: list[tuple[Any, str]] = [
    ('{"topic": "a", "at":', "record: is not valid JSON"),
    ("\x00\x01", "record: is not valid JSON"),
    ("[1, 2]", "record: is valid JSON, but not an object"),
    ('"text"', "record: is valid JSON, but not an object"),
    ("17", "record: is valid JSON, but not an object"),
    ({"at": "2025-01-01", "views": 1}, "topic: is missing"),
    (RECORD | {"topic": None}, "topic: is missing"),
    (RECORD | {"topic": " # "}, "topic: is empty"),
    (RECORD | {"topic": {"a": 1}}, "topic: is an object or a list, expected text"),
    (RECORD | {"views": "many"}, "views: 'many' is not a number"),
    (RECORD | {"views": [1]}, "views: '[1]' is not a number"),
    (RECORD | {"views": -1, "at": "then"}, "at: 'then' is not a time; views: '-1' is negative"),
]


def test_bad_records_have_every_reason_and_spare_their_neighbours(build: Build, parse: Parse, rows: Rows) -> None:
    records = [item for record, _ in BAD for item in (record, RECORD)]
    parsed = parse(build(), records)
    assert [row["reason"] for row in rows(parsed.records)] == [item for _, reason in BAD for item in (reason, None)]
    assert [row["view_count"] for row in rows(parsed.hashtags)] == [1500] * len(BAD)


def test_a_mapping_that_names_an_absent_field_says_which_there_are(build: Build, parse: Parse) -> None:
    source = build(counters={"view_count": "views", "like_count": "likes"})
    with pytest.raises(ConfigError) as caught:
        source.require_fields(parse(source, [RECORD]).records)
    for part in (source.origin, "'likes' (as counters.like_count)", "['at', 'topic', 'views']"):
        assert part in str(caught.value)


def test_a_field_that_is_null_or_optional_is_not_absent(build: Build, parse: Parse) -> None:
    source = build(counters={"view_count": "views", "like_count": "likes?", "share_count": "shares.n"})
    source.require_fields(parse(source, [RECORD | {"views": None, "shares": {"n": None}}, "garbage"]).records)


def test_records_that_are_all_unreadable_say_nothing_about_the_mapping(build: Build, parse: Parse) -> None:
    source = build()
    source.require_fields(parse(source, ["{", "[]", "1"]).records)


def test_videos_have_tags_and_creators(build: Build, parse: Parse, rows: Rows) -> None:
    source = build(
        entity="video", hashtag={"field": "tags", "separator": ","}, region="land",
        video={"id": "id", "created": "born", "creator": "who", "caption": "topic", "duration": "long"},
    )  # fmt: skip
    record = RECORD | {"id": 5, "tags": "x,y", "land": "VN", "born": 1735689600, "who": "c1", "long": "0:30"}
    parsed = parse(source, [record, record | {"id": None}])
    (row,) = rows(parsed.videos)
    assert (row["video_id"], row["tags"], row["region"], row["duration_seconds"], row["creator_id"]) == (
        "5",
        ["x", "y"],
        "VN",
        30,
        "c1",
    )
    assert [row["creator_id"] for row in rows(parsed.creators)] == ["c1"]
    assert rows(parsed.records)[1]["reason"] == "id: is missing"
