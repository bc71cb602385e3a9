"""The records of a group of files, read in large pieces and parsed by their source."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields

import ibis
import ibis.expr.types as ir
import polars as pl
import pyarrow as pa

from trenddrop.sources.engine_functions import content_hash
from trenddrop.sources.source import Parsed, Source
from trenddrop.staging.engine import ParsingEngine
from trenddrop.staging.files import InputFile
from trenddrop.staging.records import record_chunks
from trenddrop.staging.unions import union_rows

LARGE_BYTES = 2**29  # a file with more text than this is read piece by piece


def parse_files(
    source: Source, group: Sequence[InputFile], *, engine: ParsingEngine, hash_key: str, is_first: bool
) -> Parsed:
    """Parse the records of the group; chunks are read beside the parsing."""
    parts: list[Parsed] = []
    first = 0
    for chunk in _chunks(group, source):
        records = ibis.memtable(_numbered(chunk, first))
        first += len(chunk)
        hashed = records.mutate(content_hash=content_hash(records.text))
        parts.append(source.parse(hashed, hold=engine.hold, hash_key=hash_key))
        if is_first and len(parts) == 1:
            source.require_fields(parts[0].records)
    return _united(parts)


def _chunks(group: Sequence[InputFile], source: Source) -> Iterator[pl.DataFrame]:
    """Yield the records of all files in large pieces, with their batch."""
    with ThreadPoolExecutor(2) as pool:
        pending = [pool.submit(_whole, file, source) for file in group if file.expanded_bytes < LARGE_BYTES]
        frames = [future.result() for future in pending]
    frames = [frame for frame in frames if len(frame)]
    large = [file for file in group if file.expanded_bytes >= LARGE_BYTES]
    if frames or not large:
        yield pl.concat(frames) if frames else _EMPTY
    for file in large:
        for frame in record_chunks(file.path, source.file_format):
            yield frame.with_columns(batch_id=pl.lit(file.batch_id))


_EMPTY = pl.DataFrame(schema={"line_number": pl.Int64, "text": pl.String, "reason": pl.String, "batch_id": pl.String})


def _whole(file: InputFile, source: Source) -> pl.DataFrame:
    frames = [frame for frame in record_chunks(file.path, source.file_format) if len(frame)]
    return pl.concat(frames).with_columns(batch_id=pl.lit(file.batch_id)) if frames else _EMPTY


def _numbered(chunk: pl.DataFrame, first: int) -> pa.Table:
    """Return the records with their numbers, in batches that several threads can read."""
    numbers = pl.int_range(first, first + len(chunk), dtype=pl.Int64, eager=True)
    table = chunk.with_columns(record=numbers).to_arrow(compat_level=pl.CompatLevel.newest())
    return pa.Table.from_batches(table.to_batches(max_chunksize=2**16), schema=table.schema)


def _united(parts: list[Parsed]) -> Parsed:
    if len(parts) == 1:
        return parts[0]
    united: dict[str, ir.Table | None] = {}
    for item in fields(Parsed):
        tables = [getattr(part, item.name) for part in parts if getattr(part, item.name) is not None]
        united[item.name] = union_rows(*tables) if tables else None
    return Parsed(**united)
