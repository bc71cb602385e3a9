"""Which texts name a hashtag, a video or a creator, and what the engines may leave out beforehand."""

import json
from typing import Any

import ibis
import pytest

from trenddrop.core.ids import keyed_hash
from trenddrop.flow.mentions import Kind, Wanted, fields_of, records_naming
from trenddrop.sources import load_source
from trenddrop.warehouse import Warehouse

KEY = "k"
VIDEO = {
    "id": "1", "text": "Baking today", "authorMeta": {"id": "9", "name": "ann"}, "musicMeta": {"musicName": "Song"},
    "hashtags": [{"id": "5", "name": "rye"}], "textLanguage": "en", "diggCount": 7, "video": {"music": "x"},
}  # fmt: skip
ROW = {"vid_id": "1", "vid_nlike": "7", "user_name": "ann", "vid_hashtags": "Rye, sourdough,tea,", "vid_caption": "ok"}
TOPIC = {"title": "Tea", "category": "food", "hot": 5, "display_time": 1}


def wanted(kind: Kind, *values: str) -> Wanted:
    return Wanted(kind, frozenset(values), KEY)


def names(record: Any, kind: Kind, value: str, source: str | None = "tiktok_records") -> bool:
    text = record if isinstance(record, str) else json.dumps(record)
    fields = fields_of(load_source(source), kind) if source else None
    return wanted(kind, value).is_in(text, fields)


@pytest.mark.parametrize("name", ["video", "music", "text", "id", "name", "en", "9", "7", "5", "ann", "song", "baking"])
def test_a_key_or_another_field_of_a_known_record_is_no_hashtag(name: str) -> None:
    assert not names(VIDEO, "hashtag", name)


@pytest.mark.parametrize("name", ["video", "music", "text", "id", "name", "hashtags"])
def test_a_key_is_no_hashtag_in_a_record_of_any_shape(name: str) -> None:
    assert not names(VIDEO, "hashtag", name, source=None)
    assert not names(json.dumps(VIDEO)[:-1], "hashtag", name, source=None)  # no JSON


@pytest.mark.parametrize(
    "record",
    [
        VIDEO | {"hashtags": [{"name": "Sourdough"}]},
        VIDEO | {"hashtags": ["rye", " #SOURDOUGH"]},
        VIDEO | {"text": "so good: #sourdough, #rye"},
        VIDEO | {"text": "#ＳＯＵＲＤＯＵＧＨ🔥"},
        {"challenge": {"title": "sourdough"}},
        {"unknown": {"shape": ["Sourdough"]}},
        json.dumps(VIDEO | {"hashtags": ["Sourdough"]})[:-1],
        '{"hashtags": [], "hashtags": ["sourdough"], "id": "1"}',
    ],
)
def test_a_hashtag_is_named_by_a_value_in_any_case(record: Any) -> None:
    assert names(record, "hashtag", "sourdough")


def test_a_name_with_a_symbol_is_another_name_too() -> None:
    assert names(VIDEO | {"text": "#rye🔥"}, "hashtag", "rye")
    assert names(VIDEO | {"text": "#rye🔥"}, "hashtag", "rye🔥")
    assert not names(VIDEO | {"hashtags": [], "text": "#ryebread"}, "hashtag", "rye")


def test_names_in_a_text_are_parted_as_the_source_parts_them() -> None:
    assert names(ROW, "hashtag", "sourdough", source="tiktok_export")
    assert names(TOPIC, "hashtag", "tea", source="weibo_hot_search")
    assert not names(TOPIC, "hashtag", "food", source="weibo_hot_search")
    assert not names(TOPIC | {"title": "war, tea"}, "hashtag", "tea", source="weibo_hot_search")
    assert names({"any": "war, tea"}, "hashtag", "tea", source=None)


@pytest.mark.parametrize(("kind", "value"), [("video", "1"), ("creator", "9"), ("creator", keyed_hash("ann", key=KEY))])
def test_an_id_is_found_where_the_source_reads_it(kind: Kind, value: str) -> None:
    assert names(VIDEO, kind, value)
    assert names(VIDEO | {"id": 1, "authorMeta": {"id": 9, "name": "ann"}}, kind, value)
    assert not names(VIDEO | {"id": "2", "authorMeta": {"id": "8", "name": "bob"}, "diggCount": 9}, kind, value)


def test_an_export_names_its_creator_by_a_name_alone() -> None:
    assert names(ROW, "creator", keyed_hash("ann", key=KEY), source="tiktok_export")
    assert not names(ROW, "video", "7", source="tiktok_export")


TEXTS = [
    '"Sourdough"', '"\\u0053ourdough"', '"ｓｏｕｒｄｏｕｇｈ"', '"𝓼𝓸𝓾𝓻𝓭𝓸𝓾𝓰𝓱"', '"ſourdough"', '"x"', '"🔥"', '"CRÈME"',
    '"cre\\u0300me"', '"crème"', '"crème"', '"a\\/b"', '"A/b"', '"say \\"hi\\""',
]  # fmt: skip


@pytest.mark.parametrize("name", ["sourdough", "crème", "a/b", 'say "hi"', "x", "absent"])
def test_the_engines_leave_out_no_record_that_names_it(any_wh: Warehouse, name: str) -> None:
    rows = {"id": [str(i) for i in range(len(TEXTS))], "raw_json": TEXTS, "line_number": list(range(len(TEXTS)))}
    raw = any_wh.stage(ibis.memtable(rows).to_polars())
    one = wanted("hashtag", name)
    expected = [str(i) for i, text in enumerate(TEXTS) if one.is_in(text, None)]
    assert sorted(records_naming(raw, one, None), key=int) == expected
    assert "6" not in one.may_be_in(raw).to_polars()["id"].to_list()  # a plain record is not read
    assert (name == "absent") == (not expected)


def test_many_ids_are_looked_for_at_once(any_wh: Warehouse) -> None:
    rows = {
        "id": ["a", "b", "c"],
        "raw_json": ['{"id": "v900"}', '{"id": "v9000"}', '{"id": 7}'],
        "line_number": [1, 2, 3],
    }
    raw = any_wh.stage(ibis.memtable(rows).to_polars())
    many = wanted("video", *(f"v{number}" for number in range(1_000)))
    assert records_naming(raw, many, None) == ["a"]
