"""The exact index: FAISS inner products over unit vectors, ids and metadata beside it."""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import faiss
import numpy as np

from trenddrop.core.errors import IntegrityError, SchemaError
from trenddrop.index.saved import read_index_files, write_index_files
from trenddrop.index.vector_index import Filter, Hit, Metadata, Vectors

KIND = "faiss-flat-ip"
_TIE_MARGIN = 16  # more candidates than asked for, so that equal similarities are ordered by id


class ExactIndex:
    """Compares a query with every vector: always right, and fast enough for some hundred thousand.

    >>> index = ExactIndex("toy", 2)
    >>> index.add(["x", "y"], np.eye(2, dtype=np.float32), [{"platform": "tiktok"}, {"platform": "weibo"}])
    >>> [hit.id for hit in index.search(np.array([[1, 0]], dtype=np.float32), 2)[0]]
    ['x', 'y']
    >>> [hit.id for hit in index.search(np.array([[1, 0]], dtype=np.float32), 2, filter={"platform": "weibo"})[0]]
    ['y']
    """

    def __init__(self, model: str, dimensions: int) -> None:
        self.model = model
        self.dimensions = dimensions
        self._index: faiss.Index = faiss.IndexFlatIP(dimensions)
        self._ids: list[str] = []
        self._metadata: list[Metadata] = []
        self._position: dict[str, int] = {}

    def __len__(self) -> int:
        """Return how many vectors there are."""
        return len(self._ids)

    def add(self, ids: Sequence[str], vectors: Vectors, metadata: Sequence[Metadata] | None = None) -> None:
        """Add vectors; an id that is already there, or comes twice, keeps the last vector."""
        rows = self._rows(vectors)
        words = [dict(item) for item in metadata] if metadata is not None else [{} for _ in ids]
        if not len(ids) == len(rows) == len(words):
            raise SchemaError(f"index: {len(ids)} ids, {len(rows)} vectors and {len(words)} metadata must be equal")
        last = sorted({item: row for row, item in enumerate(ids)}.values())
        self.remove(ids)
        self._index.add(np.ascontiguousarray(rows[last]))
        self._ids.extend(ids[row] for row in last)
        self._metadata.extend(words[row] for row in last)
        self._number()

    def remove(self, ids: Collection[str]) -> int:
        """Remove the vectors with these ids and return how many there were."""
        gone = sorted({self._position[item] for item in ids if item in self._position})
        if gone:
            self._index.remove_ids(_selector(gone))  # the rows behind move up
            dropped = set(gone)
            self._ids = [item for row, item in enumerate(self._ids) if row not in dropped]
            self._metadata = [item for row, item in enumerate(self._metadata) if row not in dropped]
            self._number()
        return len(gone)

    def search(self, vectors: Vectors, k: int, *, filter: Filter | None = None) -> list[list[Hit]]:
        """Return up to k hits per query row, the closest first, ties by id."""
        rows = self._rows(vectors)
        allowed = None if filter is None else self._allowed(filter)
        count = len(self) if allowed is None else len(allowed)
        if k < 1 or count == 0 or len(rows) == 0:
            return [[] for _ in rows]
        wanted = min(k + _TIE_MARGIN, count)
        if allowed is None:
            found, positions = self._index.search(rows, wanted)
        else:
            parameters = faiss.SearchParameters()
            parameters.sel = chosen = _selector(allowed)  # FAISS keeps only a pointer: the name keeps it alive
            found, positions = self._index.search(rows, wanted, params=parameters)
            del chosen
        return [self._hits(*pair)[:k] for pair in zip(found, positions, strict=True)]

    def save(self, folder: Path) -> None:
        """Write the index so that a reader sees the old one or the new one, never a mixture."""
        vectors = faiss.serialize_index(self._index).tobytes()
        description = {"kind": KIND, "model": self.model, "dimensions": self.dimensions}
        write_index_files(folder, vectors, self._ids, self._metadata, description)

    @classmethod
    def load(cls, folder: Path) -> "ExactIndex":
        """Read a saved index; NotFoundError without one, IntegrityError when a file does not fit its checksum."""
        saved = read_index_files(folder, kind=KIND)
        index = cls(saved.model, saved.dimensions)
        index._index = faiss.deserialize_index(np.frombuffer(saved.vectors, dtype=np.uint8))
        index._ids, index._metadata = saved.ids, saved.metadata
        if index._index.ntotal != len(index._ids) or index._index.d != saved.dimensions:
            raise IntegrityError(f"{folder}: vectors and ids do not belong together; rebuild with `trenddrop index`")
        index._number()
        return index

    def _number(self) -> None:
        self._position = {item: row for row, item in enumerate(self._ids)}

    def _rows(self, vectors: Vectors) -> Vectors:
        rows = np.ascontiguousarray(vectors, dtype=np.float32)
        if rows.ndim != 2 or rows.shape[1] != self.dimensions:
            raise SchemaError(f"index: vectors of shape {rows.shape}, expected (n, {self.dimensions})")
        if not np.isfinite(rows).all():
            raise SchemaError("index: vectors hold NaN or infinity; embed the texts again")
        return rows

    def _allowed(self, filter: Filter) -> list[int]:
        wanted = {key: frozenset({value} if isinstance(value, str) else value) for key, value in filter.items()}
        return [
            row
            for row, words in enumerate(self._metadata)
            if all(words.get(key) in values for key, values in wanted.items())
        ]

    def _hits(self, found: Iterable[float], positions: Iterable[int]) -> list[Hit]:
        pairs = ((float(value), int(row)) for value, row in zip(found, positions, strict=True) if row >= 0)
        hits = [Hit(self._ids[row], value, self._metadata[row]) for value, row in pairs]
        return sorted(hits, key=lambda hit: (-hit.similarity, hit.id))


def _selector(positions: Sequence[int]) -> faiss.IDSelectorBatch:
    return faiss.IDSelectorBatch(np.array(positions, dtype=np.int64))
