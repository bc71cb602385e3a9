"""The bytes of a file, plain, gzip or zstd, as far as they can be read."""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import zstandard

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_READ_BYTES = 2**20
_WHOLE_FRAME_BYTES = 2**28  # a frame that says it is shorter is read in one go


class Damage(Exception):  # noqa: N818 - it ends an iterator early; nobody sees it
    """The rest of the file cannot be read."""


def blocks(path: Path) -> Iterator[bytes]:
    """Yield the file's content, decompressed by what its first bytes say.

    Raises:
        Damage: after the last readable byte, when the file is cut off or corrupt.

    """
    with path.open("rb") as file:
        head = file.read(4)
        file.seek(0)
        if head.startswith(ZSTD_MAGIC):
            data = _whole_frame(path)
            if data is not None:
                yield data
            else:
                yield from _members(file, lambda: zstandard.ZstdDecompressor().decompressobj(), "zstd")
        elif head.startswith(GZIP_MAGIC):
            yield from _members(file, lambda: zlib.decompressobj(wbits=31), "gzip")
        else:
            while block := file.read(_READ_BYTES):
                yield block


def _whole_frame(path: Path) -> bytes | None:
    """Return the content of a file that is one zstd frame of known, moderate length; else None."""
    data = path.read_bytes()
    try:
        if not 0 < zstandard.frame_content_size(data[:32]) <= _WHOLE_FRAME_BYTES:
            return None
        decompressor = zstandard.ZstdDecompressor().decompressobj()
        content = decompressor.decompress(data)
    except (zstandard.ZstdError, MemoryError):
        return None
    return content if decompressor.eof and not decompressor.unused_data else None


def _members(file: Any, new: Any, kind: str) -> Iterator[bytes]:
    """Yield the content of concatenated compressed members."""
    decompressor = new()
    pending, started = b"", False
    while True:
        data = pending or file.read(_READ_BYTES)
        pending = b""
        if not data:
            if started:
                raise Damage(f"the {kind} stream ends too early")
            return
        try:
            content = decompressor.decompress(data)
        except (zlib.error, zstandard.ZstdError) as error:
            raise Damage(f"the {kind} stream is corrupt: {error}") from error
        started = True
        if content:
            yield content
        if decompressor.eof:
            pending = decompressor.unused_data.lstrip(b"\0")
            decompressor, started = new(), False
