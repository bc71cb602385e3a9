"""Rows of tables into records: each row of a Parquet or CSV file becomes a JSON object of its columns."""

import base64
import csv
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from trenddrop.staging.decompress import GZIP_MAGIC, ZSTD_MAGIC, Damage, blocks
from trenddrop.staging.encoding import utf8
from trenddrop.staging.lines import BASE64, NOT_UTF8, damage_record, split_lines

_BATCH_ROWS = 2**16
_DELIMITERS = (",", ";", "\t", "|")
_UNREADABLE = (OSError, Damage, pa.ArrowException, pl.exceptions.PolarsError)
_FIELDS_AT_ONCE = 100  # of a row: longer patterns outgrow the engine of regular expressions


def parquet_chunks(path: Path) -> Iterator[pl.DataFrame]:
    """Yield the rows of a Parquet file as ``line_number`` (of the row, from 1), ``text`` (JSON) and ``reason``.

    A row group that cannot be read becomes one record with its reason; those beside it are read.
    """
    try:
        with pq.ParquetFile(_readable(path), page_checksum_verification=True) as file:
            first = 1
            for group in range(file.num_row_groups):
                yield from _row_group(path, file, group, first)
                first += file.metadata.row_group(group).num_rows
    except _UNREADABLE as error:
        yield damage_record(path, 1, f"is not a readable Parquet file: {' '.join(str(error).split())[:200]}")


def _row_group(path: Path, file: pq.ParquetFile, group: int, first: int) -> Iterator[pl.DataFrame]:
    try:
        for batch in file.iter_batches(_BATCH_ROWS, row_groups=[group]):
            frame = pl.from_arrow(pa.Table.from_batches([batch]))
            assert isinstance(frame, pl.DataFrame)
            yield _numbered(_json(frame), first)
            first += len(frame)
    except _UNREADABLE as error:
        fault = f"row group {group + 1} of {file.num_row_groups} is damaged: {' '.join(str(error).split())[:200]}"
        yield damage_record(path, first, fault)


def csv_chunks(path: Path) -> Iterator[pl.DataFrame]:
    """Yield the rows of a CSV file with a header as ``line_number``, ``text`` (JSON) and ``reason``.

    The delimiter is the likeliest of ``, ; tab |`` in the header. A row with another number of fields than the header,
    or with an open quote, is kept as it stands with a reason. Lines of JSON under the name of a CSV file stay such.
    """
    data, damage = _content(path)
    lines, count = split_lines(data, first=1)
    if not len(lines):
        if damage is not None:
            yield damage_record(path, count + 1, damage)
        return
    header = lines["text"][0]
    if lines["reason"][0] is not None:  # a name in another encoding spoils no row
        header = base64.b64decode(header.removeprefix(BASE64)).decode(errors="backslashreplace")
    if header.lstrip().startswith("{"):
        yield lines if damage is None else pl.concat([lines, damage_record(path, count + 1, damage)])
        return
    delimiter = max(_DELIMITERS, key=re.sub('"[^"]*"', "", header).count)
    names = _names(header, delimiter)
    yield _read_rows(_logical_records(lines.tail(-1), len(names), delimiter), names, delimiter)
    if damage is not None:
        yield damage_record(path, count + 1, damage)


def _readable(path: Path) -> Path | pa.BufferReader:
    """Return the file, or its content where it is compressed as a whole."""
    with path.open("rb") as file:
        head = file.read(4)
    return pa.BufferReader(b"".join(blocks(path))) if head.startswith((GZIP_MAGIC, ZSTD_MAGIC)) else path


def _content(path: Path) -> tuple[bytes, str | None]:
    parts: list[bytes] = []
    damage = None
    try:
        parts.extend(utf8(blocks(path)))
    except Damage as fault:
        damage = str(fault)
    data = b"".join(parts)
    return data if b"\n" in data else data.replace(b"\r", b"\n"), damage


def _logical_records(lines: pl.DataFrame, fields: int, delimiter: str) -> pl.DataFrame:
    """Join the lines that a quoted field spans; where quotes do not pair up, every line stands alone."""
    text = lines["text"]
    mark = re.escape(delimiter)
    whole = (
        rf'"(?:[^"]|"")*"|[^{mark}"](?:[^{mark}"]|"[^{mark}])*|'  # a quote that ends a bare field may close an open one
    )
    has_odd = text.str.count_matches('"', literal=True) % 2 == 1
    if has_odd.any() and fields <= _FIELDS_AT_ONCE:
        has_odd &= ~text.str.contains(f"^(?:{whole})(?:{mark}(?:{whole})){{{fields - 1}}}$")
    is_odd = has_odd.to_numpy()
    if not is_odd.any() or is_odd.sum() % 2 or lines["reason"].is_not_null().any():
        return lines
    is_open = np.cumsum(is_odd) % 2 == 1
    starts = np.concatenate([[True], ~is_open[:-1]])
    return (
        lines.with_columns(record=pl.Series(np.cumsum(starts)))
        .group_by("record", maintain_order=True)
        .agg(pl.col("line_number").first(), pl.col("text").str.join("\n"), pl.col("reason").first())
        .drop("record")
    )


def _names(header: str, delimiter: str) -> list[str]:
    try:
        fields = next(csv.reader([header], delimiter=delimiter))
    except csv.Error:  # it is no header, but what it holds is kept
        fields = header.split(delimiter)
    return _told_apart([name.strip() for name in fields])


def _told_apart(names: list[str]) -> list[str]:
    """Return the names, with a number at each that repeats or is empty; none that is given is taken for it.

    >>> _told_apart(["a", "a_2", "a", ""])
    ['a', 'a_2', 'a_3', 'column_4']
    """
    taken = set(names)
    waiting = taken - {""}  # given names that have not come yet
    counts: dict[str, int] = {}
    unique = []
    for number, name in enumerate(names, start=1):
        free = base = name or f"column_{number}"
        if name in waiting:
            waiting.remove(name)
        else:
            while free in taken:
                counts[base] = counts.get(base, 1) + 1
                free = f"{base}_{counts[base]}"
            taken.add(free)
        unique.append(free)
    return unique


def _read_rows(records: pl.DataFrame, names: list[str], delimiter: str) -> pl.DataFrame:
    groups = _fields(records["text"], len(names), delimiter)
    groups.columns = names
    is_good = groups[names[-1]].is_not_null() & records["reason"].is_null()
    quoted = pl.all().str.starts_with('"')
    bare = pl.all().str.slice(1, pl.all().str.len_chars() - 2).str.replace_all('""', '"', literal=True)
    texts = groups.with_columns(pl.when(quoted).then(bare).otherwise(pl.all()))
    return records.with_columns(
        text=pl.when(is_good).then(_json(texts)).otherwise(pl.col("text")),
        reason=pl.when(is_good | pl.col("reason").is_not_null())
        .then(pl.col("reason"))
        .otherwise(pl.lit(f"row: does not have the {len(names)} fields of the header, or has an open quote")),
    )


def _fields(rows: pl.Series, count: int, delimiter: str) -> pl.DataFrame:
    """Return the fields of each row with their quotes, null where a row has another number of them."""
    mark = re.escape(delimiter)
    field = rf'("(?:[^"]|"")*"|[^{mark}"][^{mark}]*|)'
    frames, rest = [], rows
    for start in range(0, count, _FIELDS_AT_ONCE):
        size = min(_FIELDS_AT_ONCE, count - start)
        is_last = start + size == count
        pattern = "(?s)^" + mark.join([field] * size) + ("$" if is_last else f"{mark}(.*)$")
        found = rest.str.extract_groups(pattern).struct.unnest()
        if not is_last:
            rest = found.to_series(size)
            found = found[:, :size]
        found.columns = [f"field_{start + number}" for number in range(size)]
        frames.append(found)
    return pl.concat(frames, how="horizontal")


def _json(frame: pl.DataFrame) -> pl.Series:
    readable = frame.with_columns(
        *(_text_of_binary(frame[name]) for name, dtype in frame.schema.items() if dtype == pl.Binary),
        pl.col(pl.Decimal).cast(pl.String),
        pl.col(pl.Duration).cast(pl.Int64),
    )
    return readable.select(text=pl.struct(pl.all()).struct.json_encode())["text"]


def _text_of_binary(column: pl.Series) -> pl.Series:
    try:
        return column.cast(pl.String)
    except pl.exceptions.PolarsError:
        return column.bin.encode("base64")


def _numbered(text: pl.Series, first: int) -> pl.DataFrame:
    return pl.DataFrame(
        {"line_number": np.arange(first, first + len(text), dtype=np.int64), "text": text}
    ).with_columns(reason=pl.lit(None, dtype=pl.String))


__all__ = ["NOT_UTF8", "csv_chunks", "parquet_chunks"]
