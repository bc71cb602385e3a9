"""What every embedding model offers."""

from collections.abc import Sequence
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Vectors: TypeAlias = npt.NDArray[np.float32]


class Embedder(Protocol):
    """Maps texts to unit vectors, so that a dot product is a cosine similarity."""

    @property
    def name(self) -> str:
        """The model and its version; vectors of different names are never compared."""
        ...

    @property
    def dimensions(self) -> int:
        """The length of every vector."""
        ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one L2-normalised row per text: float32 of shape (len(texts), dimensions)."""
        ...


def normalized(vectors: npt.ArrayLike) -> Vectors:
    """Return the rows scaled to length 1; a row of zeros stays zero.

    >>> normalized([[3.0, 4.0], [0.0, 0.0]]).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    rows = np.asarray(vectors, dtype=np.float32)
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
