"""How matches are ranked: ``configs/matching.yaml``."""

import re
from functools import cached_property
from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator

from trenddrop.core.ids import normalized_name
from trenddrop.core.settings import Config, config_folders, find_yaml, parse_config, read_yaml


class Weights(Config):
    """What counts how much in the combined rank; only the proportions matter."""

    similarity: float = Field(ge=0)
    probability_6h: float = Field(ge=0)
    probability_12h: float = Field(ge=0)
    probability_24h: float = Field(ge=0)
    probability_48h: float = Field(ge=0)

    @model_validator(mode="after")
    def _one_counts(self) -> Self:
        if self.total <= 0:
            raise ValueError("at least one weight must be above 0")
        return self

    @property
    def total(self) -> float:
        """The sum of all weights."""
        return self.similarity + sum(self.by_horizon.values())

    @property
    def by_horizon(self) -> dict[str, float]:
        """The weight of each probability column."""
        return {name: getattr(self, name) for name in type(self).model_fields if name.startswith("probability_")}


class MatchingConfig(Config):
    """The rank of a match and the tags that are never one."""

    weights: Weights
    min_similarity: float = Field(default=0.2, ge=-1, le=1)
    candidates: int = Field(default=200, ge=1)
    matches: int = Field(default=20, ge=1)
    generic_tags: frozenset[str] = frozenset()
    generic_patterns: tuple[str, ...] = ()

    @field_validator("generic_tags")
    @classmethod
    def _normalise(cls, tags: frozenset[str]) -> frozenset[str]:
        return frozenset(normalized_name(tag) for tag in tags)

    @field_validator("generic_patterns")
    @classmethod
    def _compile(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error
        return patterns

    @cached_property
    def generic_pattern(self) -> re.Pattern[str]:
        """One expression that matches the whole of any generic name."""
        return re.compile("|".join(f"(?:{pattern})" for pattern in self.generic_patterns) or r"(?!)")


def load_matching(*, extra: Path | None = None) -> MatchingConfig:
    """Read ``matching.yaml`` of the ``extra`` configs folder, or the built-in one."""
    path = find_yaml("configs", "matching", folders=config_folders(extra))
    return parse_config(MatchingConfig, read_yaml(path), origin=str(path))
