"""What is forgotten is in no table, no raw record, not online and not in the index; everything else stays."""

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from pipelines import index_trends as index_job

from trenddrop.core.errors import InputError
from trenddrop.core.ids import keyed_hash
from trenddrop.core.settings import Settings
from trenddrop.feature_store import FeatureStoreSession
from trenddrop.feature_store.online import wide_table
from trenddrop.feature_store.wide_rows import WideRead, microseconds
from trenddrop.flow import Workspace, videos
from trenddrop.flow import forget as forgetting
from trenddrop.flow.forget import forget
from trenddrop.flow.stages import ingest_files, normalize_batches, source_named
from trenddrop.flow.videos import VideoBranch, index_folder
from trenddrop.index import ExactIndex, index_trends
from trenddrop.warehouse import Warehouse

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)
VIDEO = {
    "id": "1", "text": "Baking today", "createTime": 1767952800, "fetchTime": 1767960000, "playCount": 100,
    "authorMeta": {"id": "9", "name": "ann"}, "musicMeta": {"musicId": "3", "musicName": "Song"},
    "hashtags": [{"id": "5", "name": "rye"}], "textLanguage": "en", "diggCount": 9,
}  # fmt: skip
MAPPING = """
kind: series
platform: forum
hashtag: tag
time: seen_at
counters: {view_count: views}
"""

Take = Callable[..., None]
on_one_engine = pytest.mark.parametrize("any_wh", ["clickhouse"], indirect=True)  # what Python decides is alike on both


@pytest.fixture
def workspace(settings: Settings, any_wh: Warehouse) -> Workspace:
    return Workspace(settings, any_wh, clock=lambda: NOW)


@pytest.fixture
def take(workspace: Workspace, tmp_path: Path) -> Take:
    """Take records in, texts as they are, by the source of that name or path."""

    def run(*records: Any, source: str = "tiktok_records") -> None:
        lines = [one if isinstance(one, str) else json.dumps(one) for one in records]
        path = tmp_path / f"{abs(hash(tuple(lines)))}.jsonl"
        path.write_text("\n".join(lines))
        ingest_files(workspace, source_named(workspace, source), [path])
        normalize_batches(workspace)

    return run


def raw(workspace: Workspace, table: str = "raw_tiktok_data") -> list[str]:
    return sorted(workspace.warehouse.table(table).to_polars()["raw_json"].to_list())


def kept(workspace: Workspace, table: str, *columns: str) -> list[tuple[Any, ...]]:
    return sorted(workspace.warehouse.table(table).select(*columns).to_polars().rows())


def test_a_hashtag_leaves_every_record_that_names_it_by_a_value(workspace: Workspace, take: Take) -> None:
    naming = [
        VIDEO | {"hashtags": [{"name": "rye"}, {"name": "Sourdough"}]},
        VIDEO | {"id": "2", "hashtags": ["SOURDOUGH"]},
        VIDEO | {"id": "3", "hashtags": [{"name": "ｓｏｕｒｄｏｕｇｈ"}]},
        VIDEO | {"id": "4", "text": "my #Sourdough🔥, at last"},
        {"challenge": {"id": "8", "title": "sourdough"}, "stats": {"viewCount": 5}, "fetchTime": 1767960000},
        '{"id": "5", "hashtags": [{"name": "sourdough"}], "text": "cut off',
    ]
    others = [
        VIDEO | {"id": "6", "text": "sourdough without a sign"},
        VIDEO | {"id": "7", "hashtags": ["sourdoughbread"], "text": "#sourdoughbread"},
        VIDEO | {"id": "10", "sourdough": 1, "authorMeta": {"id": "4", "name": "sourdough"}},
    ]
    take(*naming, *others)
    done = forget(workspace, "hashtag", "tiktok:sourdough")
    assert raw(workspace) == sorted(json.dumps(one) for one in others)
    assert done.deleted["raw_tiktok_data"] == len(naming)
    assert "tiktok:sourdough" not in {row for (row,) in kept(workspace, "hashtags", "hashtag_id")}


@on_one_engine
def test_a_hashtag_that_is_called_like_a_key_takes_no_other_record(workspace: Workspace, take: Take) -> None:
    other = VIDEO | {"video": {"music": "x"}}
    take(other, VIDEO | {"id": "2", "hashtags": [{"name": "video"}]})
    forget(workspace, "hashtag", "tiktok:video")
    assert raw(workspace) == [json.dumps(other)]


@on_one_engine
def test_a_source_that_is_known_no_more_is_searched_in_all_values(
    workspace: Workspace, take: Take, tmp_path: Path
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(MAPPING)
    reading = {"tag": "Sourdough", "seen_at": "2026-01-09T10:00:00Z", "views": 3, "sour": "dough"}
    other = reading | {"tag": "tag", "note": "sourdough starter"}
    take(reading, other, source=str(path))
    take(VIDEO | {"hashtags": ["sourdough"]})
    forget(workspace, "hashtag", "forum:sourdough")
    assert raw(workspace, "raw_forum_data") == [json.dumps(other)]
    assert len(raw(workspace)) == 1  # the hashtag of another platform is another one
    forget(workspace, "hashtag", "forum:tag")
    assert raw(workspace, "raw_forum_data") == []


def test_a_hashtag_is_taken_out_of_the_lists_of_rows_that_stay(workspace: Workspace, take: Take) -> None:
    take(
        VIDEO | {"text": "Bake #Sourdough #sourdough! #sourdoughbread", "hashtags": ["rye", "sourdough"]},
        VIDEO | {"id": "2", "fetchTime": 1767963600, "hashtags": ["sourdough"]},
        VIDEO | {"id": "3", "hashtags": ["sourdoughbread"]},
    )
    seen = kept(workspace, "video_observations", "video_id", "view_count", "creator_id", "batch_id")
    done = forget(workspace, "hashtag", "tiktok:sourdough")
    assert kept(workspace, "videos", "video_id", "hashtags", "caption") == [
        ("tiktok:1", ["rye"], "Bake  ! #sourdoughbread"),
        ("tiktok:2", [], "Baking today"),
        ("tiktok:3", ["sourdoughbread"], "Baking today"),
    ]
    assert kept(workspace, "video_observations", "video_id", "hashtag_ids") == [
        ("tiktok:1", ["tiktok:rye"]),
        ("tiktok:2", []),
        ("tiktok:3", ["tiktok:sourdoughbread"]),
    ]
    assert kept(workspace, "video_observations", "video_id", "view_count", "creator_id", "batch_id") == seen
    captions = kept(workspace, "trend_topics", "id", "example_captions")
    assert captions == [("tiktok:rye", ["Bake  ! #sourdoughbread"]), ("tiktok:sourdoughbread", ["Baking today"])]
    assert (done.changed["videos"], done.changed["video_observations"]) == (2, 2)
    assert forget(workspace, "hashtag", "tiktok:sourdough").changed == {}


def test_two_readings_with_one_key_both_stay(workspace: Workspace) -> None:
    row = {"video_id": "tiktok:1", "observed_at": NOW, "fetched_at": NOW, "platform": "tiktok", "batch_id": "b"}
    rows = [row | {"hashtag_ids": ["tiktok:a"], "view_count": 1}, row | {"hashtag_ids": ["tiktok:b"], "view_count": 2}]
    workspace.warehouse.append("video_observations", pl.DataFrame(rows))
    forget(workspace, "hashtag", "tiktok:a")
    assert kept(workspace, "video_observations", "view_count", "hashtag_ids") == [(1, []), (2, ["tiktok:b"])]


def test_a_hashtag_leaves_embeddings_matches_and_what_was_generated(workspace: Workspace) -> None:
    wh = workspace.warehouse
    topic = {"source": "tiktok", "platform": "tiktok", "trend_type": "hashtag", "title": "t", "fetched_at": NOW}
    lists = {name: [] for name in ("tags", "matched_keywords", "example_captions")}
    wh.append("trend_topics", pl.DataFrame([topic | lists | {"id": "t-1", "hashtag_id": "tiktok:rye"}], strict=False))
    vector = {"model": "m", "text_hash": "h", "vector": [1.0], "created_timestamp": NOW}
    wh.append("trend_embeddings", pl.DataFrame([vector | {"trend_id": one} for one in ("t-1", "tiktok:rye", "other")]))
    match = {"video_id": "v", "similarity": 0.5, "rank_score": 0.5, "rank": 1, "matched_at": NOW}
    wh.append("trend_matches", pl.DataFrame([match | {"match_id": one, "trend_id": one} for one in ("t-1", "other")]))
    post(workspace, "g", "v", hashtags=["#Rye", "#tea"], trends=["tiktok:rye", "tiktok:tea"])
    done = forget(workspace, "hashtag", "tiktok:Rye")
    assert (
        kept(workspace, "trend_embeddings", "trend_id") == kept(workspace, "trend_matches", "trend_id") == [("other",)]
    )
    assert kept(workspace, "platform_metadata", "hashtags", "trend_matches") == [(["#tea"], ["tiktok:tea"])]
    assert kept(workspace, "platform_metadata", "title", "description") == [("Bread", "It is  and #tea")]
    ((output, chances),) = kept(workspace, "generations", "output", "propensities")
    assert json.loads(output) == {
        "hashtags": ["#tea"],
        "matches": [{"trend_id": "tiktok:tea"}],
        "post": "It is  and #tea",
    }
    assert json.loads(chances) == {"hashtags": {"#tea": 0.5}}
    assert done.deleted == {"trend_topics": 1, "trend_embeddings": 2, "trend_matches": 1}


def post(workspace: Workspace, name: str, video: str, *, hashtags: list[str], trends: list[str]) -> None:
    """Keep a generation for a video, its metadata and what the post earned."""
    wh = workspace.warehouse
    text = "It is #rye and #tea"
    output = {"hashtags": hashtags, "matches": [{"trend_id": one} for one in trends], "post": text}
    blank = dict.fromkeys(("agent_id", "platform", "prompt", "model", "provider", "status"), "x")
    numbers = {"cost": 0.0, "duration_ms": 1.0, "created_at": NOW}
    chances = {"hashtags": dict.fromkeys(hashtags, 0.5)}
    documents = {"input": "{}", "output": json.dumps(output), "propensities": json.dumps(chances)}
    wh.append("generations", pl.DataFrame([blank | numbers | documents | {"id": name}]))
    metadata = {"title": "Bread", "description": text, "cta": "!", "hashtags": hashtags, "trend_matches": trends}
    own = {
        "id": f"m-{name}",
        "video_id": video,
        "platform": "tiktok",
        "generation_id": name,
        "is_edited_by_user": False,
    }
    wh.append("platform_metadata", pl.DataFrame([metadata | own | {"generated_at": NOW}]))
    signal = {"id": f"s-{name}", "platform_metadata_id": f"m-{name}", "positive_feedback": [], "negative_feedback": []}
    wh.append("feedback_signals", pl.DataFrame([signal | {"timestamp": NOW}], strict=False))


def test_a_video_takes_along_what_was_generated_for_it(workspace: Workspace, take: Take) -> None:
    other = VIDEO | {"id": "2", "playCount": 77, "commentCount": 77}
    take(VIDEO | {"id": 77, "text": "A word of mine"}, other)
    for name, video in (("gone", "tiktok:77"), ("stays", "tiktok:2")):
        post(workspace, name, video, hashtags=["#tea"], trends=[])
    forget(workspace, "video", "tiktok:77")
    assert raw(workspace) == [json.dumps(other)]
    assert kept(workspace, "generations", "id") == [("stays",)]
    assert kept(workspace, "feedback_signals", "id") == [("s-stays",)]
    assert kept(workspace, "videos", "video_id") == [("tiktok:2",)]
    assert kept(workspace, "trend_topics", "example_captions") == [(["Baking today"],)]


@on_one_engine
def test_a_creator_takes_the_videos_along_also_where_a_record_has_a_name_alone(
    workspace: Workspace, take: Take
) -> None:
    unnamed = {name: value for name, value in VIDEO.items() if name != "authorMeta"}
    other = VIDEO | {"id": "2", "authorMeta": {"id": "8", "name": "bob"}}
    take(VIDEO | {"authorMeta": {"name": "ann"}}, unnamed | {"playCount": 200}, other, {"authorMeta": {"name": "ann"}})
    key = workspace.settings.privacy.hash_key
    creator = f"tiktok:{keyed_hash('ann', key=key)}"
    assert creator in {row for (row,) in kept(workspace, "creators", "creator_id")}
    forget(workspace, "creator", creator)
    assert raw(workspace) == [json.dumps(other)]
    assert kept(workspace, "creators", "creator_id") == [("tiktok:8",)]
    assert kept(workspace, "videos", "video_id") == kept(workspace, "video_observations", "video_id") == [("tiktok:2",)]


@on_one_engine
def test_a_creator_is_no_other_number(workspace: Workspace, take: Take) -> None:
    other = VIDEO | {"authorMeta": {"id": "8"}, "hashtags": [{"id": "9", "name": "9"}]}
    take(other, VIDEO | {"id": "2"})
    forget(workspace, "creator", "tiktok:9")
    assert raw(workspace) == [json.dumps(other)]


@on_one_engine
@pytest.mark.parametrize(
    ("kind", "identity"), [("hashtag", "rye"), ("hashtag", "tiktok:#"), ("video", ""), ("creator", "x:")]
)
def test_an_id_that_cannot_be_one_is_a_mistake(workspace: Workspace, kind: Any, identity: str) -> None:
    with pytest.raises(InputError, match="give it as the tables hold it"):
        forget(workspace, kind, identity)


@on_one_engine
def test_a_hashtag_leaves_the_index(workspace: Workspace) -> None:
    folder = index_folder(workspace.settings)
    index = ExactIndex("toy", 2)
    index.add(["tiktok:rye", "tiktok:tea"], np.eye(2, dtype=np.float32), [{"title": "rye"}, {"title": "tea"}])
    index.save(folder)
    forget(workspace, "hashtag", "tiktok:rye")
    left = ExactIndex.load(folder)
    assert [hit.id for hit in left.search(np.eye(2, dtype=np.float32)[:1], 5)[0]] == ["tiktok:tea"]
    assert not [path for path in folder.iterdir() if b"rye" in path.read_bytes()]


class OneDirection:
    """All texts are alike."""

    name, dimensions = "one", 1

    def encode(self, texts: list[str]) -> Any:
        return np.ones((len(texts), 1), dtype=np.float32)


def test_a_hashtag_that_is_forgotten_beside_the_index_job_does_not_come_back(
    settings: Settings, wh: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(settings, wh, clock=lambda: NOW)
    topic = {"source": "tiktok", "platform": "tiktok", "trend_type": "hashtag", "title": "t", "fetched_at": NOW}
    lists = {name: [] for name in ("tags", "matched_keywords", "example_captions")}
    names = ("tiktok:rye", "tiktok:tea")
    wh.append("trend_topics", pl.DataFrame([topic | lists | {"id": one, "hashtag_id": one} for one in names]))
    others: list[threading.Thread] = []

    def elsewhere(*arguments: Any) -> None:
        """Take the trend out of the index as another process does, which may have to wait."""
        others.append(threading.Thread(target=forget_in_index, args=arguments))
        others[0].start()
        others[0].join(1.0)  # where nothing keeps it waiting it is done by then

    def read_and_forget(*arguments: Any, **more: Any) -> int:
        found = index_trends(*arguments, **more)
        forget(workspace, "hashtag", "tiktok:rye")
        return found

    branch: Any = VideoBranch(workspace, embedder=OneDirection())  # type: ignore[arg-type]
    forget_in_index = forgetting._forget_in_index
    monkeypatch.setattr(forgetting, "_forget_in_index", elsewhere)
    monkeypatch.setattr(index_job, "VideoBranch", lambda _: branch)
    monkeypatch.setattr(videos, "index_trends", read_and_forget)
    index_job.index_trends(workspace, index_job.IndexJob(is_everything=True))
    others[0].join()
    (hits,) = ExactIndex.load(branch.index_folder()).search(np.ones((1, 1), dtype=np.float32), 5)
    assert [hit.id for hit in hits] == ["tiktok:tea"]


def test_the_features_of_the_forgotten_leave_the_online_store(settings: Settings, wh: Warehouse) -> None:
    session = FeatureStoreSession(settings)
    session.apply()
    rows, stamp = session._online_rows(), microseconds(NOW)
    tables = [wide_table(session.feast.config, view) for view in session.feast.list_feature_views()]
    ids = ["tiktok:1", "tiktok:2"]
    for table in tables:
        cells = {table.keys[0]: ids, "__event": [stamp] * 2, "__created": [stamp] * 2}
        blank = {one.name: pa.nulls(2, one.type) for one in table.schema() if one.name not in cells}
        rows.upsert(table, pa.table(cells | blank))
    wh.append("videos", pl.DataFrame([video("tiktok:1", creator="tiktok:2")], strict=False))
    forget(Workspace(settings, wh, clock=lambda: NOW), "hashtag", "tiktok:1")
    forget(Workspace(settings, wh, clock=lambda: NOW), "creator", "tiktok:2")
    left = {
        "hashtag_id": [False, True],
        "video_id": [False, True],
        "creator_id": [True, False],
        "sound_id": [True, True],
    }
    for table in tables:
        found = rows.read([WideRead(table, {})], [(one,) for one in ids], moment=NOW)
        assert found["__event"].is_not_null().to_list() == left[table.keys[0]]
    session.close()


def video(video_id: str, *, creator: str) -> dict[str, Any]:
    lists: dict[str, list[str]] = {"hashtags": [], "sounds": [], "effects": []}
    own = {"video_id": video_id, "creator_id": creator, "platform": "tiktok"}
    return own | lists | {"last_updated_at": NOW, "first_seen_at": NOW}
