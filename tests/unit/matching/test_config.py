import pytest
import yaml

from trenddrop.core.errors import ConfigError
from trenddrop.matching import is_generic, load_matching

WEIGHTS = {"similarity": 1} | {f"probability_{hours}h": 0 for hours in (6, 12, 24, 48)}


def written(tmp_path, **values):
    (tmp_path / "matching.yaml").write_text(yaml.safe_dump(values))
    return tmp_path


@pytest.mark.parametrize(
    "tag", ["#FYP", "ForYou", "viral", "xuhuong", "xuhướng2024", "fypシ", "fyppp", "foryoupage2", ""]
)
def test_tags_that_say_nothing(tag):
    assert is_generic(tag, load_matching())


@pytest.mark.parametrize("tag", ["booktok", "viralscience", "pasta", "shortstory", "高考", "foryourhealth"])
def test_tags_that_say_something(tag):
    assert not is_generic(tag, load_matching())


def test_own_config_replaces_the_built_in_one_and_generic_tags_are_normalised(tmp_path):
    config = load_matching(extra=written(tmp_path, weights=WEIGHTS, generic_tags=["#Ｐａｓｔａ"]))
    assert is_generic("pasta", config)
    assert not is_generic("fyp", config)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"weights": dict.fromkeys(WEIGHTS, 0)}, "at least one weight"),
        ({"weights": WEIGHTS, "generic_patterns": ["("]}, "not a regular expression"),
        ({"weights": WEIGHTS, "wrong": 1}, "wrong"),
    ],
)
def test_a_wrong_config_is_refused_in_one_line(values, message, tmp_path):
    with pytest.raises(ConfigError, match=message) as caught:
        load_matching(extra=written(tmp_path, **values))
    assert "\n" not in str(caught.value)
