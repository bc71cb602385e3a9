"""Model versions and the two names that point at them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from trenddrop.modeling import FittedModel

Alias = Literal["champion", "challenger"]


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One registered version of a model."""

    name: str
    version: str
    fingerprint: str  # equal for models that predict the same
    run_id: str
    aliases: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime | None = None
    updated_at: datetime | None = None


class ModelRegistry(Protocol):
    """Keeps versions; an alias points at no more than one version of a name."""

    def names(self) -> list[str]:
        """Return the names of all models, sorted."""
        ...

    def versions(self, name: str) -> list[ModelVersion]:
        """Return every version of a name, the oldest first; empty when there is none."""
        ...

    def aliased(self, name: str, alias: Alias) -> ModelVersion | None:
        """Return the version that the alias points at."""
        ...

    def point(self, name: str, alias: Alias, version: str) -> None:
        """Let the alias point at the version."""
        ...

    def tag(self, name: str, version: str, key: str, value: str) -> None:
        """Write a tag on the version, in place of the one with that key."""
        ...

    def load(self, name: str, version: str) -> FittedModel:
        """Return the model of a version; raise NotFoundError where there is none."""
        ...


def find_champion(registry: ModelRegistry, name: str) -> FittedModel | None:
    """Return the serving model, or None before the first promotion."""
    champion = registry.aliased(name, "champion")
    return None if champion is None else registry.load(name, champion.version)
