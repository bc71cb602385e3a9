"""How an index lies on disk: content-addressed files and one manifest that is replaced in a single step.

The manifest names its files by their hash. Until the new manifest stands, readers use the old files; a
process killed at any moment leaves the old index or the new one. Files that no manifest names are removed
by the next save.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trenddrop.core.errors import IntegrityError, NotFoundError
from trenddrop.index.vector_index import Metadata

MANIFEST = "manifest.json"
LOCK = ".lock"
CHANGE_LOCK = ".change-lock"
FORMAT = 1
_OURS = ("vectors-*.bin", "rows-*.bin", ".new-*")
_RETRIES = 5  # a reader that meets a writer's clean-up starts again from the manifest


@dataclass(frozen=True, slots=True)
class SavedIndex:
    """What a folder holds, verified."""

    model: str
    dimensions: int
    vectors: bytes
    ids: list[str]
    metadata: list[Metadata]


def write_index_files(
    folder: Path,
    vectors: bytes,
    ids: Sequence[str],
    metadata: Sequence[Metadata],
    description: Mapping[str, Any],
) -> None:
    """Write both files, then the manifest, then remove what only the manifest before named."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = json.dumps({"ids": list(ids), "metadata": [dict(item) for item in metadata]}).encode()
    files = {"vectors": _named("vectors", vectors), "rows": _named("rows", rows)}
    manifest = {"format": FORMAT, "count": len(ids), **description, "files": files}
    with _locked(folder / LOCK):  # so that nobody's unfinished files are cleaned away
        _write(folder / files["vectors"], vectors)
        _write(folder / files["rows"], rows)
        _write(folder / MANIFEST, json.dumps(manifest, indent=1).encode())
        for path in (path for pattern in _OURS for path in folder.glob(pattern)):
            if path.name not in files.values():
                path.unlink(missing_ok=True)


def read_index_files(folder: Path, *, kind: str) -> SavedIndex:
    """Return what the manifest names, checked against the hashes; raises NotFoundError and IntegrityError."""
    for attempt in range(_RETRIES):
        manifest = _manifest(folder, kind=kind)
        try:
            vectors, rows = (_verified(folder / manifest["files"][part]) for part in ("vectors", "rows"))
        except FileNotFoundError as error:
            if attempt + 1 == _RETRIES:
                raise IntegrityError(
                    f"{error.filename}: named by {MANIFEST} and missing; rebuild with `trenddrop index`"
                ) from error
            continue
        document = json.loads(rows)
        return SavedIndex(manifest["model"], manifest["dimensions"], vectors, document["ids"], document["metadata"])
    raise AssertionError("unreachable: the last attempt returns or raises")


def _manifest(folder: Path, *, kind: str) -> dict[str, Any]:
    path = folder / MANIFEST
    if not path.is_file():
        raise NotFoundError(f"{folder}: no vector index here; build one with `trenddrop index`")
    try:
        manifest = json.loads(path.read_bytes())
        found = (manifest["format"], manifest["kind"])
        complete = {"model", "dimensions", "files"} <= set(manifest)
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"{path}: not a manifest; rebuild with `trenddrop index`") from error
    if found != (FORMAT, kind) or not complete:
        raise IntegrityError(f"{path}: holds {found}, expected {(FORMAT, kind)}; rebuild with `trenddrop index`")
    return dict(manifest)


def _named(part: str, content: bytes) -> str:
    return f"{part}-{hashlib.sha256(content).hexdigest()}.bin"


def _verified(path: Path) -> bytes:
    content = path.read_bytes()
    if path.stem.split("-")[-1] != hashlib.sha256(content).hexdigest():
        raise IntegrityError(f"{path}: content does not match its checksum; rebuild with `trenddrop index`")
    return content


def _write(path: Path, content: bytes) -> None:
    """Replace the file in one step, on disk before its new name is."""
    new = path.with_name(f".new-{path.name}")
    with new.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


@contextmanager
def only_change(folder: Path) -> Iterator[None]:
    """Wait until no other process changes the index; hold it from reading what goes into the index until it is saved.

    Else a job saves what it read before another one took it out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / CHANGE_LOCK):
        yield


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Wait until no other process has the lock."""
    with path.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield  # closing the file releases the lock, also when the process dies
