"""Bytes into records: one per line, as text where it is UTF-8, else as base64 with a reason."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from trenddrop.staging.decompress import Damage, blocks
from trenddrop.staging.encoding import utf8
from trenddrop.staging.files import shown

CHUNK_BYTES = 2**28
_NEWLINE, _SPACE = 10, 32
NOT_UTF8 = "record: is not UTF-8 text (kept in base64)"
BASE64 = "base64:"


def line_chunks(path: Path, *, chunk_bytes: int = CHUNK_BYTES) -> Iterator[pl.DataFrame]:
    """Yield the lines of a file: ``line_number`` (from 1), ``text``, ``reason`` (null: none so far).

    Blank lines are left out, but counted. Damage of the file becomes one more record with its reason.
    """
    parts: list[bytes] = []
    size, first, damage = 0, 1, None
    stream = utf8(blocks(path))
    while True:
        try:
            block = next(stream, None)
        except Damage as fault:
            block, damage = None, str(fault)
        if block is not None:
            parts.append(block)
            size += len(block)
            if size < chunk_bytes:
                continue
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        data, tail = (data, b"") if block is None else _whole_lines(data)
        frame, count = split_lines(data, first=first)
        if block is None:
            yield frame if damage is None else pl.concat([frame, damage_record(path, first + count, damage)])
            return
        yield frame
        first, parts, size = first + count, [tail], len(tail)


def split_lines(data: bytes, *, first: int) -> tuple[pl.DataFrame, int]:
    r"""Return the lines that are not blank, and how many there are with the blank ones.

    >>> split_lines(b"a\r\n\nb", first=1)[0].select("line_number", "text").rows()
    [(1, 'a'), (3, 'b')]
    """
    letters = np.frombuffer(data, dtype=np.uint8)
    ends = np.flatnonzero(letters == _NEWLINE) + 1
    if len(letters) and (not len(ends) or ends[-1] != len(letters)):
        ends = np.append(ends, len(letters))
    offsets = np.concatenate([np.zeros(1, dtype=np.int64), ends.astype(np.int64)])
    array = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), len(ends), [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    )
    bad = _not_utf8(array.view(pa.large_string()))
    frame = pl.DataFrame({"line_number": np.arange(first, first + len(ends), dtype=np.int64)})
    if len(bad):
        is_bad = np.zeros(len(ends), dtype=bool)
        is_bad[bad] = True
        frame = frame.with_columns(
            text=pl.Series(pl.from_arrow(pc.if_else(pa.array(is_bad), b"", array).view(pa.large_string()))),
            reason=pl.when(pl.Series(is_bad)).then(pl.lit(NOT_UTF8)),
            raw=pl.Series(pl.from_arrow(array.filter(pa.array(is_bad)))).gather(
                pl.Series(np.cumsum(is_bad) - 1).clip(0)
            ),
        )
        for end in (b"\n", b"\r"):
            shorter = pl.col("raw").bin.slice(0, pl.col("raw").bin.size() - 1)
            frame = frame.with_columns(raw=pl.when(pl.col("raw").bin.ends_with(end)).then(shorter).otherwise("raw"))
        kept = pl.lit(BASE64) + pl.col("raw").bin.encode("base64")
        frame = frame.with_columns(text=pl.when(pl.col("reason").is_null()).then(pl.col("text")).otherwise(kept))
    else:
        frame = frame.with_columns(
            text=pl.Series(pl.from_arrow(array.view(pa.large_string()))), reason=pl.lit(None, dtype=pl.String)
        )
    frame = frame.with_columns(pl.col("text").str.strip_chars_end("\r\n"))
    is_candidate = letters[offsets[:-1]] <= _SPACE if len(ends) else np.zeros(0, dtype=bool)
    if is_candidate.any():
        is_blank = pl.Series(is_candidate) & (frame["text"].str.strip_chars() == "")
        frame = frame.filter(~is_blank)
    return frame.select("line_number", "text", "reason"), len(ends)


def damage_record(path: Path, line_number: int, fault: str) -> pl.DataFrame:
    """Return the record that stands for what could not be read."""
    reason = f"file: {fault}; everything before it was read; fetch the file again and ingest that too"
    return pl.DataFrame(
        {
            "line_number": [line_number],
            "text": [f"unreadable from line {line_number} of {shown(Path(path.name))}"],
            "reason": [reason],
        },
        schema={"line_number": pl.Int64, "text": pl.String, "reason": pl.String},
    )


def _not_utf8(array: pa.Array) -> np.ndarray:
    """Return the places of the values that are not UTF-8, by halving whatever holds one."""
    bad: list[int] = []
    ranges = [(0, len(array))]
    while ranges:
        start, length = ranges.pop()
        try:
            array.slice(start, length).validate(full=True)
        except pa.ArrowInvalid:
            if length == 1:
                bad.append(start)
            else:
                half = length // 2
                ranges += [(start, half), (start + half, length - half)]
    return np.array(sorted(bad), dtype=np.int64)


def _whole_lines(data: bytes) -> tuple[bytes, bytes]:
    end = data.rfind(b"\n") + 1
    return data[:end], data[end:]
