"""The interface that every vector index implements; one contract test suite runs over all of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Metadata: TypeAlias = Mapping[str, str]
Filter: TypeAlias = Mapping[str, str | Collection[str]]
Vectors: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Hit:
    """One vector found near a query."""

    id: str
    similarity: float  # cosine, higher is closer
    metadata: Metadata


class VectorIndex(Protocol):
    """Unit vectors under string ids, each with a few words of metadata to filter by."""

    @property
    def model(self) -> str:
        """The name of the embedding model whose vectors these are."""
        ...

    @property
    def dimensions(self) -> int:
        """The length of every vector."""
        ...

    def __len__(self) -> int:
        """Return how many vectors there are."""
        ...

    def add(self, ids: Sequence[str], vectors: Vectors, metadata: Sequence[Metadata] | None = None) -> None:
        """Add vectors; an id that is already there is replaced. Raises SchemaError on shapes that do not fit."""
        ...

    def remove(self, ids: Collection[str]) -> int:
        """Remove the vectors with these ids and return how many there were."""
        ...

    def search(self, vectors: Vectors, k: int, *, filter: Filter | None = None) -> list[list[Hit]]:
        """Return up to k hits per query row, the closest first, ties by id.

        ``filter`` keeps the vectors whose metadata equals the value, or one of the values, of each of its keys.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write the index so that a reader sees the old one or the new one, never a mixture."""
        ...

    @classmethod
    def load(cls, folder: Path) -> "VectorIndex":
        """Read a saved index; NotFoundError without one, IntegrityError when a file does not fit its checksum."""
        ...
