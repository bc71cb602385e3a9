from datetime import date

import pytest

from trenddrop.core.errors import NotFoundError
from trenddrop.metadata.limits import Limit, fits, limits_of, load_platforms, utf16_units


def limit(unit, most):
    return Limit(unit=unit, most=most, source="test", checked=date(2026, 1, 1))


def test_each_unit_counts_an_emoji_family_its_own_way():
    family = "👨‍👩‍👧"
    assert limit("code_points", 10).room(family) == 10 - 5
    assert limit("utf16_units", 10).room(family) == 10 - 8
    assert limit("utf8_bytes", 20).room(family) == 20 - 18


def test_a_lone_surrogate_can_be_measured():
    assert utf16_units("\ud800a") == 2


def test_all_limits_hold_at_once():
    limits = [limit("code_points", 3), limit("utf16_units", 4)]
    assert fits("👍👍", limits)
    assert not fits("👍👍a", limits)


def test_less_leaves_the_rest():
    assert limit("utf16_units", 10).less("👍 ").most == 7


def test_the_three_platforms_are_there_and_every_limit_names_its_source():
    platforms = load_platforms()
    assert set(platforms) >= {"tiktok", "youtube", "instagram"}
    for limits in platforms.values():
        fields = (limits.title, limits.description, limits.cta, limits.post)
        assert all(item.source for field in fields for item in field.limits)


@pytest.mark.parametrize(
    ("platform", "field", "unit", "most"),
    [
        ("youtube", "title", "code_points", 100),
        ("youtube", "description", "utf8_bytes", 5000),
        ("tiktok", "post", "utf16_units", 2200),
        ("instagram", "post", "code_points", 2200),
    ],
)
def test_documented_limits(platform, field, unit, most):
    found = {item.unit: item.most for item in getattr(load_platforms()[platform], field).limits}
    assert found[unit] == most


def test_an_unknown_platform_is_named_with_the_known_ones():
    with pytest.raises(NotFoundError, match="myspace.*instagram, tiktok, youtube"):
        limits_of("myspace", load_platforms())


def test_own_limits_replace_the_built_in_ones(tmp_path):
    (tmp_path / "platforms.yaml").write_text("platforms: {}\n")
    assert load_platforms(extra=tmp_path) == {}
