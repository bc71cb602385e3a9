from pathlib import Path
from typing import Any

import pytest
import yaml

from trenddrop.core.errors import ConfigError
from trenddrop.sources import load_source

GOOD = {
    "kind": "series",
    "platform": "forum",
    "hashtag": "topic",
    "time": "at",
    "counters": {"view_count": "views"},
}


def write(folder: Path, **changes: Any) -> str:
    path = folder / "forum.yaml"
    path.write_text(yaml.safe_dump({key: value for key, value in (GOOD | changes).items() if value is not None}))
    return str(path)


def test_a_short_mapping_is_enough(tmp_path: Path) -> None:
    source = load_source(write(tmp_path))
    assert (source.name, source.platform, source.system, source.label) == ("forum", "forum", "forum", "growth_multiple")


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"colour": "red"}, "colour: Extra inputs"),
        ({"hashtag": None}, "hashtag: Field required"),
        ({"counters": {"viewers": "views"}}, "counters.viewers"),
        ({"counters": {}}, "at least one counter or a score"),
        ({"time": {"field": "at", "timezone": "Mars/Base"}}, "'Mars/Base' is not a time zone"),
        ({"time": {"field": "at", "format": "sometimes"}}, "'sometimes' is not auto"),
        ({"filters": [{"field": "x", "op": "in", "value": 3}]}, "in and not_in take a list"),
        ({"filters": [{"field": "x", "op": "lt", "value": "3"}]}, "lt takes a number"),
        ({"entity": "video"}, "entity: video needs a video section"),
        ({"platform": "My Forum"}, "platform"),
        ({"system": "My-Forum"}, "source system 'My-Forum'"),
        ({"hashtag": {"field": "x", "separator": ",", "is_list": True}}, "either a list or text with a separator"),
    ],
)
def test_a_mapping_that_does_not_fit_says_what_and_where(tmp_path: Path, changes: dict[str, Any], fault: str) -> None:
    path = write(tmp_path, **changes)
    with pytest.raises(ConfigError) as caught:
        load_source(path)
    assert str(caught.value).startswith(path)
    assert fault in str(caught.value)


def test_a_video_has_no_window_counters(tmp_path: Path) -> None:
    changes = {"entity": "video", "video": {"id": "id"}, "counters": {"view_count": {"field": "v", "kind": "window"}}}
    with pytest.raises(ConfigError, match="cumulative counters of its own"):
        load_source(write(tmp_path, **changes))
