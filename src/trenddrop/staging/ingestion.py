"""Input files into the warehouse, each exactly once."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from trenddrop.core.progress import SILENT, Progress
from trenddrop.core.settings import Privacy
from trenddrop.core.time import Clock
from trenddrop.schemas import raw_data
from trenddrop.sources.source import Source
from trenddrop.staging.engine import ParsingEngine
from trenddrop.staging.files import InputFile, groups, input_files
from trenddrop.staging.observations import rows_of
from trenddrop.staging.parsing import parse_files
from trenddrop.staging.writing import IngestSummary, Target, known_batches, repeated_batch, write_group
from trenddrop.warehouse import Warehouse

GROUP_BYTES = 2**29  # of text that one transaction takes in
CLAIM = "ingest"
STAGE = "ingest"


def ingest(
    wh: Warehouse,
    source: Source,
    paths: Sequence[Path],
    *,
    privacy: Privacy,
    clock: Clock,
    progress: Progress | None = None,
) -> IngestSummary:
    """Take files in: raw records, observations and entities, and one batch per file, all or nothing per group of files.

    A file whose content was taken in before writes nothing, whatever its name. A record whose text was seen before is
    kept as a duplicate and gives no observation. So the order, the grouping and the repetition of files do not matter.

    Raises:
        InputError: a path does not exist, is a directory or cannot be opened; nothing was written.
        ConfigError: the source's mapping names a field that the records do not have; nothing was written.

    """
    progress = progress or SILENT
    files = input_files(paths, source=source.name)
    wh.ensure_table(raw_data(source.system))
    fresh, repeated = _split(files, set(known_batches(wh, files)))
    total, done = IngestSummary(), len(repeated)
    for number, group in enumerate(groups(fresh, expanded_bytes=GROUP_BYTES)):
        total += _ingest_group(wh, source, group, privacy=privacy, clock=clock, is_first=number == 0)
        done += len(group)
        progress.advance(STAGE, done, len(files))
    records = known_batches(wh, repeated)
    for file in repeated:
        total += repeated_batch(records[file.batch_id])
    progress.advance(STAGE, len(files), len(files))
    return replace(total, batch_ids=tuple(file.batch_id for file in files))


def _split(files: Sequence[InputFile], seen: set[str]) -> tuple[list[InputFile], list[InputFile]]:
    """Return the files that are new, and those whose content was seen before, here or in the warehouse."""
    fresh: list[InputFile] = []
    repeated: list[InputFile] = []
    for file in files:
        (repeated if file.batch_id in seen else fresh).append(file)
        seen.add(file.batch_id)
    return fresh, repeated


def _ingest_group(
    wh: Warehouse, source: Source, group: list[InputFile], *, privacy: Privacy, clock: Clock, is_first: bool
) -> IngestSummary:
    engine = ParsingEngine(wh)
    target = Target(wh, engine, source, clock)
    try:
        parsed = parse_files(source, group, engine=engine, hash_key=privacy.hash_key, is_first=is_first)
        rows = rows_of(parsed, source=source, privacy=privacy, engine=engine)
        return wh.transact(lambda: write_group(target, group, parsed.records, rows), claim=CLAIM)
    finally:
        engine.close()
        wh.release()
