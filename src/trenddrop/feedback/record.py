"""Feedback documents to raw rows and feedback signals, exactly once by content."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Self

import polars as pl
from pydantic import AwareDatetime, Field, ValidationError, model_validator

from trenddrop.core.ids import content_id
from trenddrop.core.settings import Config
from trenddrop.core.time import Clock, as_utc
from trenddrop.schemas import TABLES, raw_data
from trenddrop.warehouse import Warehouse

RAW = raw_data("trenddrop")


class FeedbackRecord(Config):
    """What one post with generated metadata earned until ``timestamp``.

    ``engagement_score`` is what the caller measured, or (likes + comments + shares) / views.
    """

    platform_metadata_id: str = Field(min_length=1)
    timestamp: AwareDatetime
    views: int | None = Field(default=None, ge=0)
    likes: int = Field(default=0, ge=0)
    comments: int = Field(default=0, ge=0)
    shares: int = Field(default=0, ge=0)
    engagement_score: float | None = Field(default=None, allow_inf_nan=False)
    positive_feedback: tuple[str, ...] = ()
    negative_feedback: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _is_measured(self) -> Self:
        if self.engagement_score is None and not self.views:
            raise ValueError("give engagement_score, or views above 0 with likes, comments and shares")
        return self

    def score(self) -> float:
        """Return the engagement score."""
        if self.engagement_score is not None:
            return self.engagement_score
        return (self.likes + self.comments + self.shares) / (self.views or 1)


@dataclass(frozen=True, slots=True)
class FeedbackSummary:
    """How many documents were read, kept as signals, refused with a reason, or known already."""

    raw_records: int
    processed: int
    failed: int
    duplicates: int
    errors: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """Return the summary as plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Document:
    line: int
    text: str
    record: FeedbackRecord | None
    error: str | None


def record_feedback(wh: Warehouse, lines: Sequence[str], *, origin: str, clock: Clock) -> FeedbackSummary:
    """Take JSON documents, one a line, into ``raw_trenddrop_data`` and ``feedback_signals`` in one transaction.

    A document that cannot be read stays in the raw table as ``failed`` with its text and its reasons. Lines are
    counted from 1, empty ones too; of equal documents the first line is named.
    """
    wh.ensure_table(RAW)
    numbered = [(number, text) for number, line in enumerate(lines, start=1) if (text := line.strip())]
    parsed: dict[str, _Document] = {}
    for number, text in numbered:
        if (key := content_id(text)) not in parsed:
            parsed[key] = _Document(number, text, *_parse(text))
    read = len(numbered)
    now = clock()

    def body() -> FeedbackSummary:
        known = set(wh.table(RAW.name).filter(lambda row: row.id.isin(list(parsed))).select("id").to_polars()["id"])
        fresh = {key: document for key, document in parsed.items() if key not in known}
        if fresh:
            wh.append(RAW.name, _raw_rows(fresh, origin, now))
        signals = [document.record for document in fresh.values() if document.record is not None]
        if signals:
            rows = _signal_rows(signals)
            wh.delete("feedback_signals", rows.select("id"))
            wh.append("feedback_signals", rows)
        errors = tuple(f"line {document.line}: {document.error}" for document in fresh.values() if document.error)
        return FeedbackSummary(read, len(signals), len(errors), read - len(fresh), errors)

    return wh.transact(body, claim="feedback")


def _parse(line: str) -> tuple[FeedbackRecord | None, str | None]:
    try:
        return FeedbackRecord.model_validate_json(line), None
    except ValidationError as error:
        reasons = (f"{'.'.join(map(str, item['loc'])) or 'document'}: {item['msg']}" for item in error.errors())
        return None, "; ".join(reasons)


def _raw_rows(fresh: dict[str, _Document], origin: str, now: datetime) -> pl.DataFrame:
    batch_id = content_id(*sorted(fresh))
    rows = [
        {
            "id": key,
            "fetch_timestamp": as_utc(document.record.timestamp) if document.record else None,
            "entity_type": "feedback",
            "raw_json": document.text,
            "source_endpoint": origin,
            "batch_id": batch_id,
            "line_number": document.line,
            "processing_status": "processed" if document.record else "failed",
            "error_message": document.error,
            "content_hash": key,
            "created_at": now,
        }
        for key, document in fresh.items()
    ]
    return pl.DataFrame(rows, schema=_polars_schema(RAW.columns))


def _signal_rows(records: Sequence[FeedbackRecord]) -> pl.DataFrame:
    rows = {
        content_id(record.platform_metadata_id, as_utc(record.timestamp).isoformat()): {
            "platform_metadata_id": record.platform_metadata_id,
            "engagement_score": record.score(),
            "positive_feedback": list(record.positive_feedback),
            "negative_feedback": list(record.negative_feedback),
            "timestamp": as_utc(record.timestamp),
        }
        for record in records
    }
    schema = _polars_schema(TABLES["feedback_signals"].columns)
    return pl.DataFrame([{"id": key} | row for key, row in rows.items()], schema=schema)


def _polars_schema(columns: dict[str, str]) -> dict[str, pl.DataType]:
    types: dict[str, pl.DataType] = {
        "string": pl.String(),
        "int64": pl.Int64(),
        "float64": pl.Float64(),
        "array<string>": pl.List(pl.String()),
        "timestamp('UTC', 6)": pl.Datetime("us", "UTC"),
    }
    return {name: types[dtype.lstrip("!")] for name, dtype in columns.items()}
