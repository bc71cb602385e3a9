import pytest
import yaml

from trenddrop.core.errors import ConfigError, NotFoundError
from trenddrop.core.settings import configs_folder
from trenddrop.metadata.agent import load_agent


def written(tmp_path, **changes):
    values = yaml.safe_load((configs_folder() / "agents" / "default.yaml").read_text()) | changes
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "own.yaml").write_text(yaml.safe_dump(values))
    return tmp_path


def test_templates_by_language():
    agent = load_agent("default")
    assert agent.templates("tiktok", "vi-VN") == agent.cta["tiktok"]["vi"]
    assert agent.templates("tiktok", "fr") == agent.cta["tiktok"]["default"]
    assert agent.templates("tiktok", None) == agent.cta["tiktok"]["default"]


def test_a_platform_without_templates_is_named():
    with pytest.raises(ConfigError, match="myspace"):
        load_agent("default").templates("myspace", None)


def test_an_unknown_agent_is_answered_with_the_known_ones():
    with pytest.raises(NotFoundError, match="default"):
        load_agent("nobody")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cta": {"tiktok": {"default": ["More on {topic}"]}}}, "without {topic}"),
        ({"cta": {"tiktok": {"default": ["Go {now}"]}}}, "uses \\['now'\\]"),
        ({"cta": {"tiktok": {"default": ["Go {"]}}}, "not a template"),
        ({"cta": {"tiktok": {"vi": ["Nào!"]}}}, "needs templates for 'default'"),
        ({"cta": {"tiktok": {"default": ["a" * 500]}}}, "cta.tiktok.default: no template"),
        ({"fallback_title": {"default": "a" * 500}}, "longer than"),
        ({"fallback_title": {"vi": "Video"}}, "'default'"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_agent_is_refused_in_one_line(changes, message, platforms, tmp_path):
    with pytest.raises(ConfigError, match=message) as caught:
        load_agent("own", platforms=platforms, extra=written(tmp_path, **changes))
    assert "\n" not in str(caught.value)
