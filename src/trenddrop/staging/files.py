"""The input files of one ingest: that they can be read, what their content is, how much they hold."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import zstandard

from trenddrop.core.errors import InputError
from trenddrop.core.ids import content_id

_BLOCK_BYTES = 4 * 2**20
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_GZIP_MAGIC = b"\x1f\x8b"
_USUAL_EXPANSION = 8  # of compressed text whose header does not say how long it is


@dataclass(frozen=True, slots=True)
class InputFile:
    """One readable file. ``batch_id`` depends on its bytes and the source's name alone."""

    path: Path
    content_hash: str
    batch_id: str
    expanded_bytes: int  # an estimate

    @property
    def uri(self) -> str:
        """Return the path as text, whatever bytes it is made of."""
        return shown(self.path)


def input_files(paths: Sequence[Path], *, source: str) -> list[InputFile]:
    """Return the files in the order given.

    Raises:
        InputError: naming every path that does not exist, is a directory or cannot be read.

    """
    if not paths:
        raise InputError("input: no path given; name at least one file")
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(lambda path: _input_file(path, source), paths))
    if problems := [file for file in found if isinstance(file, str)]:
        raise InputError("; ".join(problems))
    return [file for file in found if isinstance(file, InputFile)]


def groups(files: Iterable[InputFile], *, expanded_bytes: int) -> Iterator[list[InputFile]]:
    """Split files into runs of about so many bytes of text; a file is never split."""
    group: list[InputFile] = []
    for file in files:
        if group and sum(member.expanded_bytes for member in group) + file.expanded_bytes > expanded_bytes:
            yield group
            group = []
        group.append(file)
    if group:
        yield group


def shown(path: Path) -> str:
    """Return a path as text that every table takes: bytes that are not UTF-8 are spelt out."""
    return os.fsencode(path).decode(errors="backslashreplace")


def _input_file(path: Path, source: str) -> InputFile | str:
    try:
        if path.is_dir():
            return f"{path}: is a directory; name the files in it, as in {path}/*.jsonl.zst"
        if not path.exists():
            return f"{path}: no such file; check the path"
        if not path.is_file():
            return f"{path}: is not a regular file, and inputs are read twice; write the content to a file first"
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
        size = _expanded_bytes(path)
    except OSError as error:
        return f"{path}: cannot be read: {error.strerror or error}"
    content_hash = digest.hexdigest()
    return InputFile(path, content_hash, content_id(source, content_hash), size)


def _expanded_bytes(path: Path) -> int:
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(32)
    if head.startswith(_ZSTD_MAGIC):
        try:
            known = zstandard.frame_content_size(head)
        except zstandard.ZstdError:
            known = -1
        return max(known, size * 2) if known > 0 else size * _USUAL_EXPANSION
    return size * _USUAL_EXPANSION if head.startswith((_GZIP_MAGIC, b"PAR1")) else size
