"""Parsed records into the tables of the warehouse, inside one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import ibis
import ibis.expr.types as ir
import polars as pl

from trenddrop.core.time import Clock
from trenddrop.schemas import raw_data
from trenddrop.schemas.table import TIMESTAMP
from trenddrop.sources.source import Source
from trenddrop.staging.engine import ParsingEngine
from trenddrop.staging.files import InputFile
from trenddrop.staging.hashtags import upsert_hashtags
from trenddrop.staging.latest import upsert_latest
from trenddrop.staging.observations import Rows
from trenddrop.staging.unions import union_rows
from trenddrop.warehouse import Warehouse, has_rows


@dataclass(frozen=True, slots=True)
class IngestSummary:
    """What one ingest did; ``raw_records`` is ``processed + failed + duplicates``.

    ``batches`` are the files that were new, ``batch_ids`` name all files. ``duplicates`` are records that the warehouse
    had, be it in a file that was taken in before or as the same text elsewhere.
    """

    raw_records: int = 0
    processed: int = 0
    failed: int = 0
    duplicates: int = 0
    batches: int = 0
    batch_ids: tuple[str, ...] = ()

    def __add__(self, other: "IngestSummary") -> "IngestSummary":
        return IngestSummary(*(getattr(self, item.name) + getattr(other, item.name) for item in fields(self)))


@dataclass(frozen=True, slots=True)
class Target:
    """Where records go, and when."""

    wh: Warehouse
    engine: ParsingEngine
    source: Source
    clock: Clock


def known_batches(wh: Warehouse, files: Sequence[InputFile]) -> dict[str, int]:
    """Return the number of records of those files that were taken in before, by batch id."""
    if not files:
        return {}
    batches = wh.table("ingestion_batches")
    found = batches.filter(batches.batch_id.isin([file.batch_id for file in files]))
    rows = found.select("batch_id", "total_records").to_pyarrow()
    return dict(zip(rows["batch_id"].to_pylist(), rows["total_records"].to_pylist(), strict=True))


def repeated_batch(records: int) -> IngestSummary:
    """Return the summary of a file that was taken in before, with so many records."""
    return IngestSummary(raw_records=records, duplicates=records)


def write_group(target: Target, files: Sequence[InputFile], records: ir.Table, rows: Rows) -> IngestSummary:
    """Write what is not there; the caller's claim keeps every other ingest out until the commit."""
    wh, engine = target.wh, target.engine
    already = known_batches(wh, files)
    new = [file for file in files if file.batch_id not in already]
    skipped = sum((repeated_batch(count) for count in already.values()), IngestSummary())
    if not new:
        return skipped
    if already:
        records = records.filter(records.batch_id.isin([file.batch_id for file in new]))
    records, has_copies = _with_status(target, records)
    good = records.filter(records.status == "processed") if has_copies or already else None
    wh.append(_raw_name(target), engine.give(_raw_rows(target, records)))
    if rows.sightings is not None:
        upsert_hashtags(wh, _of(rows.sightings, good), target.source, engine=engine)
    for name, table in rows.observations.items():
        wh.append(name, engine.give(_of(table, good).drop("record")))
    for name, table in rows.entities.items():
        upsert_latest(wh, name, _of(table, good).drop("record"), engine=engine)
    batches = _batch_rows(target, records, new)
    wh.append("ingestion_batches", batches.to_arrow())
    counts = batches.select(pl.col("^.*_records$").sum()).row(0, named=True)
    return skipped + IngestSummary(
        raw_records=counts["total_records"],
        processed=counts["processed_records"],
        failed=counts["failed_records"],
        duplicates=counts["duplicate_records"],
        batches=len(new),
    )


def _of(table: ir.Table, good: ir.Table | None) -> ir.Table:
    """Return the rows of good records; None says that all rows are of such."""
    return table if good is None else table.semi_join(good, "record")


def _raw_name(target: Target) -> str:
    return raw_data(target.source.system).name


def _with_status(target: Target, records: ir.Table) -> tuple[ir.Table, bool]:
    """Add ``occurrence`` (0: the first record with this text) and ``status``; say whether there are copies."""
    wh, engine = target.wh, target.engine
    raw = wh.table(_raw_name(target))
    hashes = engine.hold(records.group_by("content_hash").aggregate(copies=records.count()))
    repeated = hashes.filter(hashes.copies > 1).select("content_hash").mutate(before=ibis.literal(0, type="int64"))
    if has_rows(raw):
        staged = wh.stage(engine.give(hashes.select("content_hash")))
        known = raw.semi_join(staged, "content_hash").group_by("content_hash")
        there = engine.fetch(known.aggregate(before=ibis._.count()))
        repeated = union_rows(there, repeated.anti_join(there, "content_hash"))
    repeated = engine.hold(repeated)
    has_copies = has_rows(repeated)
    if not has_copies:
        counted = records.mutate(occurrence=ibis.literal(0, type="int64"))
    else:
        some = records.select("record", "content_hash").join(repeated, "content_hash")
        window = ibis.window(group_by="content_hash", order_by="record")
        some = some.select("record", occurrence=ibis.row_number().over(window).cast("int64") + some.before)
        counted = records.left_join(engine.hold(some), "record").drop("record_right")
        counted = counted.mutate(occurrence=counted.occurrence.fill_null(0))
    status = ibis.cases((counted.occurrence > 0, "duplicate"), (counted.reason.notnull(), "failed"), else_="processed")
    return counted.mutate(status=status), has_copies


def _raw_rows(target: Target, records: ir.Table) -> ir.Table:
    is_first = records.occurrence == 0
    copy = records.content_hash + "-" + records.occurrence.cast("string")
    return records.select(
        "entity_type", "batch_id", "line_number", "content_hash",
        id=ibis.ifelse(is_first, records.content_hash, copy),
        fetch_timestamp=records.fetched_at,
        raw_json=records.text,
        source_endpoint=ibis.literal(target.source.name),
        processing_status=records.status,
        error_message=ibis.ifelse(records.status == "failed", records.reason, ibis.null("string")),
        created_at=ibis.literal(target.clock(), type=TIMESTAMP),
    )  # fmt: skip


def _batch_rows(target: Target, records: ir.Table, files: Sequence[InputFile]) -> pl.DataFrame:
    counted = records.group_by("batch_id").aggregate(
        total_records=records.count(),
        processed_records=(records.status == "processed").sum(),
        failed_records=(records.status == "failed").sum(),
        duplicate_records=(records.status == "duplicate").sum(),
        fetch_window_start=records.fetched_at.min(),
        fetch_window_end=records.fetched_at.max(),
        kinds=records.entity_type.nunique(),
        entity_type=records.entity_type.min(),
    )
    counts = pl.from_arrow(counted.to_pyarrow())
    assert isinstance(counts, pl.DataFrame)
    described = pl.DataFrame(
        {
            "batch_id": [file.batch_id for file in files],
            "source_uri": [file.uri for file in files],
            "content_hash": [file.content_hash for file in files],
        }
    ).with_columns(source_system=pl.lit(target.source.system), created_at=pl.lit(target.clock()))
    batches = described.join(counts, on="batch_id", how="left")
    is_unreadable = (pl.col("failed_records") > 0) & (pl.col("processed_records") + pl.col("duplicate_records") == 0)
    return batches.with_columns(
        pl.col("^.*_records$").fill_null(0).cast(pl.Int64),
        entity_type=pl.when(pl.col("kinds") > 1)
        .then(pl.lit("mixed"))
        .otherwise(pl.col("entity_type").fill_null("none")),
        status=pl.when(is_unreadable).then(pl.lit("failed")).otherwise(pl.lit("processing")),
    ).drop("kinds")
