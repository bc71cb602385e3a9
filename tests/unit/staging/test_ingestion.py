import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ibis
import pytest

from trenddrop.core.errors import ConfigError, InputError
from trenddrop.core.ids import keyed_hash
from trenddrop.core.settings import Privacy
from trenddrop.sources import load_source
from trenddrop.staging import IngestSummary, ingest
from trenddrop.warehouse import Warehouse

CLOCK = lambda: datetime(2026, 1, 1, tzinfo=UTC)  # noqa: E731
WEIBO = {
    "title": "Tea",
    "category": "food",
    "description": "d",
    "hot": 5.0,
    "ads": False,
    "readCount": 10,
    "discussCount": 2,
    "origin": 1,
}
VIDEO = {
    "id": "77", "text": "Tea time", "createTime": 1735722000, "fetchTime": 1735732800,
    "authorMeta": {"id": "9", "name": "ann", "nickName": "Ann", "signature": "hi"},
    "musicMeta": {"musicId": "3", "musicName": "Song", "musicAuthor": "ann", "musicOriginal": True},
    "hashtags": [{"name": "Tea"}, {"name": "ＴＥＡ"}, {"name": "calm"}], "playCount": 100,
}  # fmt: skip

Take = Callable[..., IngestSummary]


@pytest.fixture
def take(wh: Warehouse, tmp_path: Path) -> Take:
    """Take in lists of records as files; text stays as it is."""

    def run(*files: list[Any], source: str = "weibo_hot_search", privacy: Privacy = Privacy()) -> IngestSummary:  # noqa: B008
        paths = []
        for records in files:
            text = "\n".join(record if isinstance(record, str) else json.dumps(record) for record in records)
            paths.append(tmp_path / f"{abs(hash(text))}.jsonl")
            paths[-1].write_text(text)
        return ingest(wh, load_source(source), paths, privacy=privacy, clock=CLOCK)

    return run


def topic(at: int, **changes: Any) -> dict[str, Any]:
    return WEIBO | {"display_time": 1735725600 + at * 60} | changes


def rows(wh: Warehouse, table: str, *columns: str) -> list[tuple[Any, ...]]:
    names = columns or wh.table(table).columns
    return sorted(tuple(row.values()) for row in wh.table(table).select(*names).to_pyarrow().to_pylist())


def test_every_record_is_processed_failed_or_a_duplicate(wh: Warehouse, take: Take) -> None:
    summary = take([topic(0), "{", topic(0), topic(5, readCount="x"), topic(9, ads=True), "", "{"])
    assert summary == IngestSummary(
        raw_records=6, processed=2, failed=2, duplicates=2, batches=1, batch_ids=summary.batch_ids
    )
    statuses = rows(wh, "raw_weibo_data", "processing_status", "line_number")
    assert [status for status, _ in statuses] == ["duplicate"] * 2 + ["failed"] * 2 + ["processed"] * 2
    assert len(rows(wh, "hashtag_observations")) == 1  # the paid place gives none
    (batch,) = rows(
        wh, "ingestion_batches", "total_records", "processed_records", "failed_records", "duplicate_records", "status"
    )
    assert batch == (6, 2, 2, 2, "processing")


def test_a_failed_record_keeps_its_text_and_every_reason(wh: Warehouse, take: Take) -> None:
    take([topic(0, readCount="x", hot="y")])
    ((text, reason),) = rows(wh, "raw_weibo_data", "raw_json", "error_message")
    assert json.loads(text)["readCount"] == "x"
    assert reason == "readCount: 'x' is not a number; hot: 'y' is not a finite number"


def test_the_same_file_again_writes_nothing_whatever_its_name(wh: Warehouse, take: Take, tmp_path: Path) -> None:
    take([topic(0), topic(5), "{"])
    before = wh.snapshot_id()
    for path in tmp_path.glob("*.jsonl"):
        path.rename(tmp_path / "renamed")
    summary = ingest(wh, load_source("weibo_hot_search"), [tmp_path / "renamed"] * 2, privacy=Privacy(), clock=CLOCK)
    assert (summary.raw_records, summary.duplicates, summary.batches) == (6, 6, 0)
    assert wh.snapshot_id() == before


def test_a_record_of_an_earlier_file_is_a_duplicate_in_a_later_one(wh: Warehouse, take: Take) -> None:
    take([topic(0), topic(5)])
    summary = take([topic(5), topic(9), topic(5)])
    assert (summary.processed, summary.duplicates) == (1, 2)
    assert len(rows(wh, "hashtag_observations")) == 3
    assert len({row[0] for row in rows(wh, "raw_weibo_data", "id")}) == 5


def test_an_empty_file_is_a_batch_of_nothing(wh: Warehouse, take: Take) -> None:
    assert take([]).raw_records == 0
    assert rows(wh, "ingestion_batches", "total_records") == [(0,)]


def test_an_unreadable_file_is_a_failed_batch_beside_good_ones(wh: Warehouse, take: Take, tmp_path: Path) -> None:
    (tmp_path / "bad.parquet").write_bytes(b"PAR1" + bytes(100))
    (tmp_path / "good.jsonl").write_text(json.dumps(topic(0)))
    paths = [tmp_path / "bad.parquet", tmp_path / "good.jsonl"]
    summary = ingest(wh, load_source("weibo_hot_search"), paths, privacy=Privacy(), clock=CLOCK)
    assert (summary.processed, summary.failed) == (1, 1)
    assert rows(wh, "ingestion_batches", "status") == [("failed",), ("processing",)]


def test_a_missing_path_stops_before_anything_is_written(wh: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "good.jsonl").write_text(json.dumps(topic(0)))
    with pytest.raises(InputError, match="no such file"):
        ingest(
            wh,
            load_source("weibo_hot_search"),
            [tmp_path / "good.jsonl", tmp_path / "gone"],
            privacy=Privacy(),
            clock=CLOCK,
        )
    assert rows(wh, "ingestion_batches") == []


def test_a_mapping_that_names_an_absent_field_stops_before_anything_is_written(wh: Warehouse, take: Take) -> None:
    with pytest.raises(ConfigError, match="'discussCount'"):
        take([{key: value for key, value in topic(0).items() if key != "discussCount"}])
    assert rows(wh, "ingestion_batches") == []


def test_hashtags_keep_what_their_newest_record_says(wh: Warehouse, take: Take) -> None:
    take([topic(60, category="new", readCount=30)], [topic(0, category="old", readCount=10)])
    take([topic(30, category="middle", readCount=20)])
    ((row),) = rows(
        wh,
        "hashtags",
        "hashtag_id",
        "name",
        "title",
        "category",
        "total_lifetime_views",
        "first_seen_at",
        "last_updated_at",
    )
    assert row[:5] == ("weibo:tea", "tea", "Tea", "new", 30)
    assert (row[6] - row[5]).total_seconds() == 3600


def test_names_are_hashed_and_biographies_dropped(wh: Warehouse, take: Take) -> None:
    take([VIDEO], source="tiktok_records", privacy=Privacy(hash_key="k"))
    assert rows(wh, "creators", "creator_id", "username", "display_name", "bio") == [
        ("tiktok:9", keyed_hash("ann", key="k"), None, None)
    ]
    assert rows(wh, "sounds", "sound_id", "artist") == [("tiktok:3", keyed_hash("ann", key="k"))]


def test_names_are_kept_where_the_settings_say_so(wh: Warehouse, take: Take) -> None:
    take([VIDEO], source="tiktok_records", privacy=Privacy(keep_names=True))
    assert rows(wh, "creators", "creator_id", "username", "display_name", "bio") == [("tiktok:9", "ann", "Ann", "hi")]


def test_tags_of_one_name_are_one_hashtag(wh: Warehouse, take: Take) -> None:
    take([VIDEO], source="tiktok_records")
    assert rows(wh, "video_observations", "video_id", "hashtag_ids") == [("tiktok:77", ["tiktok:calm", "tiktok:tea"])]
    assert rows(wh, "videos", "hashtags", "sounds", "caption") == [(["calm", "tea"], ["tiktok:3"], "Tea time")]
    assert rows(wh, "hashtags", "name") == [("calm",), ("tea",)]


def test_the_latest_state_of_a_video_does_not_depend_on_the_order_of_its_records(wh: Warehouse, take: Take) -> None:
    later = VIDEO | {"fetchTime": VIDEO["fetchTime"] + 60, "playCount": 150, "text": "Tea, later"}
    take([later], source="tiktok_records")
    take([VIDEO], source="tiktok_records")
    ((views, caption, first, last),) = rows(wh, "videos", "view_count", "caption", "first_seen_at", "last_updated_at")
    assert (views, caption, (last - first).total_seconds()) == (150, "Tea, later", 60)


def test_text_with_nul_and_of_other_encodings_is_kept(wh: Warehouse, tmp_path: Path) -> None:
    good = json.dumps(topic(0))
    (tmp_path / "x").write_bytes(b'{"title":\x00}\n' + good.encode() + b"\n" + "{é}".encode("latin-1"))
    summary = ingest(wh, load_source("weibo_hot_search"), [tmp_path / "x"], privacy=Privacy(), clock=CLOCK)
    assert (summary.processed, summary.failed) == (1, 2)
    found = wh.table("raw_weibo_data").filter(ibis._.processing_status == "failed").select("raw_json").to_pyarrow()
    assert sorted(found["raw_json"].to_pylist()) == ["base64:e+l9", '{"title":\x00}']
