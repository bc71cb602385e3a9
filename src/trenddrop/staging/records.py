"""The records of input files, whatever their format."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from trenddrop.sources.source import FileFormat
from trenddrop.staging.lines import line_chunks
from trenddrop.staging.rows import csv_chunks, parquet_chunks

_COMPRESSED = (".gz", ".zst", ".zstd")


def record_chunks(path: Path, file_format: FileFormat) -> Iterator[pl.DataFrame]:
    """Yield the records of a file as ``line_number``, ``text`` and ``reason`` (null: none so far)."""
    kind = format_of(path) if file_format == "auto" else file_format
    if kind == "parquet":
        return parquet_chunks(path)
    return csv_chunks(path) if kind == "csv" else line_chunks(path)


def format_of(path: Path) -> FileFormat:
    """Return the format that the first bytes and the name of a file show; lines of JSON unless something else.

    >>> format_of(Path("views.csv.gz"))
    'csv'
    """
    if path.is_file():
        with path.open("rb") as file:
            if file.read(4) == b"PAR1":
                return "parquet"
    name = path.with_suffix("") if path.suffix.lower() in _COMPRESSED else path
    return {".csv": "csv", ".tsv": "csv", ".parquet": "parquet"}.get(name.suffix.lower(), "jsonl")  # type: ignore[return-value]
