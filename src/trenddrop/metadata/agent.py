"""The profile that metadata is written with: ``configs/agents/<name>.yaml``."""

import string
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import Field, field_validator

from trenddrop.core.errors import ConfigError
from trenddrop.core.settings import Config, find_config, parse_config, read_yaml
from trenddrop.metadata.limits import PlatformLimits, load_platforms
from trenddrop.metadata.text import clean

DEFAULT_LANGUAGE = "default"
Value = TypeVar("Value")
Templates = Annotated[tuple[str, ...], Field(min_length=1)]


class Agent(Config):
    """Profile, tone and call-to-action templates, per platform and language."""

    agent_id: str = Field(min_length=1)
    profile: str
    tone: str
    fallback_title: dict[str, str]
    summary_sentences: int = Field(default=3, ge=1)
    relevance_weight: float = Field(default=0.7, ge=0, le=1)
    min_relevance: float = Field(default=0.25, ge=-1, le=1)
    temperature: float = Field(default=0.0, ge=0)
    cta: dict[str, dict[str, Templates]]

    @field_validator("fallback_title")
    @classmethod
    def _titles(cls, titles: dict[str, str]) -> dict[str, str]:
        if DEFAULT_LANGUAGE not in titles or not all(map(clean, titles.values())):
            raise ValueError("needs a title for 'default', and none may be empty")
        return titles

    @field_validator("cta")
    @classmethod
    def _templates(cls, cta: dict[str, dict[str, tuple[str, ...]]]) -> dict[str, dict[str, tuple[str, ...]]]:
        for platform, languages in cta.items():
            if DEFAULT_LANGUAGE not in languages:
                raise ValueError(f"{platform}: needs templates for 'default'")
            for language, templates in languages.items():
                _check_templates(f"{platform}.{language}", templates)
        return cta

    def templates(self, platform: str, language: str | None) -> tuple[str, ...]:
        """Return the templates of a platform in a language, or the default ones."""
        if platform not in self.cta:
            raise ConfigError(f"agent {self.agent_id}: no call to action for platform {platform!r}; add one under cta")
        return in_language(self.cta[platform], language)

    def title(self, language: str | None) -> str:
        """Return the title of a video of which nothing is known."""
        return in_language(self.fallback_title, language)


def in_language(by_language: Mapping[str, Value], language: str | None) -> Value:
    """Return the entry of a BCP 47 tag, of its primary language, or the default one.

    >>> in_language({"default": "a", "pt": "b"}, "pt-BR")
    'b'
    """
    tag = (language or DEFAULT_LANGUAGE).casefold().replace("_", "-")
    for key in (tag, tag.split("-")[0]):
        if key in by_language:
            return by_language[key]
    return by_language[DEFAULT_LANGUAGE]


def load_agent(name: str, *, extra: Path | None = None, platforms: Mapping[str, PlatformLimits] | None = None) -> Agent:
    """Read ``agents/<name>.yaml`` and check that its fixed texts fit every platform they are for."""
    path = find_config("agents", name, extra=extra)
    agent = parse_config(Agent, read_yaml(path), origin=str(path))
    platforms = load_platforms(extra=extra) if platforms is None else platforms
    problems = [
        f"cta.{platform}.{language}: no template without {{topic}} fits the platform's limits"
        for platform, languages in agent.cta.items()
        if platform in platforms
        for language, templates in languages.items()
        if not any(_fits_as_cta(text, platforms[platform]) for text in templates if "{topic}" not in text)
    ]
    problems += [
        f"fallback_title.{language}: longer than {platform} allows"
        for language, title in agent.fallback_title.items()
        for platform, limits in platforms.items()
        if not limits.title.fits(clean(title, forbidden=limits.forbidden))
    ]
    if problems:
        raise ConfigError(f"{path}: {'; '.join(problems)}")
    return agent


def _fits_as_cta(template: str, limits: PlatformLimits) -> bool:
    return limits.cta.fits(clean(template.format(), forbidden=limits.forbidden))


def _check_templates(place: str, templates: tuple[str, ...]) -> None:
    for template in templates:
        try:
            fields = {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
        except ValueError as error:
            raise ValueError(f"{place}: {template!r} is not a template: {error}") from error
        if unknown := sorted(fields - {"topic"}):
            raise ValueError(f"{place}: {template!r} uses {unknown}; known is {{topic}}")
    if all("{topic}" in template for template in templates):
        raise ValueError(f"{place}: needs one template without {{topic}}")
