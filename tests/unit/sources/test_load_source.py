from pathlib import Path

import pytest

from trenddrop.core.errors import ConfigError, NotFoundError
from trenddrop.sources import load_source

NAMES = ["tiktok_export", "tiktok_hashtag_views", "tiktok_records", "weibo_hot_search", "youtube_trending"]


@pytest.mark.parametrize("name", NAMES)
def test_every_source_loads(name: str) -> None:
    source = load_source(name)
    assert source.name == name
    assert source.platform in {"tiktok", "weibo", "youtube"}


def test_weibo_is_labelled_by_rank() -> None:
    assert load_source("weibo_hot_search").label == "top_rank_10"


def test_tags_that_say_nothing_are_marked_generic() -> None:
    assert {"fyp", "xuhuong"} <= load_source("tiktok_export").generic_hashtags


def test_an_unknown_source_lists_the_known_ones() -> None:
    with pytest.raises(NotFoundError, match="weibo_hot_search"):
        load_source("wiebo")


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text("kind: telepathy\n")
    with pytest.raises(ConfigError, match="'telepathy' is none of series, tiktok_records, tiktok_export"):
        load_source(str(path))


def test_own_configs_win_over_the_built_in_ones(tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "weibo_hot_search.yaml").write_text(
        "kind: series\nplatform: mine\nhashtag: a\ntime: b\ncounters: {view_count: c}\n"
    )
    assert load_source("weibo_hot_search", extra=tmp_path).platform == "mine"
