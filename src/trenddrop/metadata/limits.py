"""What each platform accepts: ``configs/platforms.yaml``."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import Field

from trenddrop.core.errors import NotFoundError
from trenddrop.core.settings import Config, config_folders, find_yaml, parse_config, read_yaml

Unit: TypeAlias = Literal["code_points", "utf16_units", "utf8_bytes"]
Part: TypeAlias = Literal["title", "description", "cta", "hashtags"]

SEPARATOR = "\n\n"


def code_points(text: str) -> int:
    """Return the number of Unicode code points.

    >>> code_points("👍🏽")
    2
    """
    return len(text)


def utf16_units(text: str) -> int:
    """Return the number of UTF-16 code units.

    >>> utf16_units("👍🏽")
    4
    """
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def utf8_bytes(text: str) -> int:
    """Return the number of bytes in UTF-8.

    >>> utf8_bytes("👍🏽")
    8
    """
    return len(text.encode("utf-8", "surrogatepass"))


MEASURES: Mapping[Unit, Callable[[str], int]] = {
    "code_points": code_points,
    "utf16_units": utf16_units,
    "utf8_bytes": utf8_bytes,
}


class Limit(Config):
    """At most so many of a unit, according to a source that was read on a day."""

    unit: Unit
    most: int = Field(gt=0)
    source: str
    checked: date

    def room(self, text: str) -> int:
        """Return how many units are left beside the text; negative when it is too long."""
        return self.most - MEASURES[self.unit](text)

    def less(self, used: str) -> "Limit":
        """Return the limit that remains when ``used`` takes part of it; every unit adds up over concatenation."""
        return self.model_copy(update={"most": self.room(used)})


class FieldLimits(Config):
    """The limits of one text field; all of them hold at once."""

    required: bool
    limits: tuple[Limit, ...] = Field(min_length=1)

    def fits(self, text: str) -> bool:
        """Return whether the text is within every limit, and there is text where it is required."""
        return fits(text, self.limits) and bool(text or not self.required)


class HashtagLimits(Config):
    """How many hashtags, and how long each, its ``#`` included."""

    most: int = Field(ge=0)
    source: str
    checked: date
    each: tuple[Limit, ...] = Field(min_length=1)


class PlatformLimits(Config):
    """What one platform accepts."""

    title: FieldLimits
    description: FieldLimits
    cta: FieldLimits
    hashtags: HashtagLimits
    post: FieldLimits
    layout: tuple[Part, ...]
    forbidden: str = ""


class _Platforms(Config):
    platforms: dict[str, PlatformLimits]


def fits(text: str, limits: Iterable[Limit]) -> bool:
    """Return whether the text is within every limit."""
    return all(limit.room(text) >= 0 for limit in limits)


def load_platforms(*, extra: Path | None = None) -> dict[str, PlatformLimits]:
    """Read ``platforms.yaml`` of the ``extra`` configs folder, or the built-in one."""
    path = find_yaml("configs", "platforms", folders=config_folders(extra))
    return parse_config(_Platforms, read_yaml(path), origin=str(path)).platforms


def limits_of(platform: str, platforms: Mapping[str, PlatformLimits]) -> PlatformLimits:
    """Return the limits of a platform, or say which platforms there are."""
    if platform not in platforms:
        raise NotFoundError(
            f"platform {platform!r}: no limits in platforms.yaml; known: {', '.join(sorted(platforms))}"
        )
    return platforms[platform]
