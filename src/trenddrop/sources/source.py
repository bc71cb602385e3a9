"""What a source system is: a name, and how its records become observations."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import ibis.expr.types as ir

Hold = Callable[[ir.Table], ir.Table]
FileFormat = Literal["auto", "jsonl", "csv", "parquet"]

COUNTERS = ("view_count", "video_count", "creator_count", "like_count", "comment_count", "share_count")


@dataclass(frozen=True, slots=True)
class Parsed:
    """What was read from a table of records; each table has ``record`` (its number) and ``batch_id``.

    ``records``: the columns that came in, and is_document, entity_type, fetched_at, reason (null when the record is
    good); one row per record. The others hold good records only.
    ``hashtags``: name (as written), plain (normalized, where that is simple), observed_at, fetched_at, counters, score,
    title, category, description, language, region, trend_type. ``videos``: video_id, observed_at, fetched_at,
    created_at, creator_id, counters, tags (names as written), sound_id, region, caption, duration_seconds, language,
    is_duet, is_stitch. ``creators``: creator_id, observed_at, fetched_at, username, display_name, bio, counters,
    is_verified, location. ``sounds``: sound_id, observed_at, fetched_at, title, artist, duration_seconds, usage_count,
    is_original.
    """

    records: ir.Table
    hashtags: ir.Table | None = None
    videos: ir.Table | None = None
    creators: ir.Table | None = None
    sounds: ir.Table | None = None


class Source(Protocol):
    """One source system's documents."""

    @property
    def name(self) -> str:
        """Return the name that the command line takes."""
        ...

    @property
    def system(self) -> str:
        """Return the system whose raw table the records go to."""
        ...

    @property
    def platform(self) -> str:
        """Return the platform of the hashtags."""
        ...

    @property
    def label(self) -> str:
        """Return the label definition that suits the source."""
        ...

    @property
    def file_format(self) -> FileFormat:
        """Return the format of the files; ``auto`` looks at each."""
        ...

    @property
    def generic_hashtags(self) -> frozenset[str]:
        """Return tags that say nothing about a video, as ``fyp``."""
        ...

    def parse(self, records: ir.Table, *, hold: Hold, hash_key: str) -> Parsed:
        """Read records (at least the columns record, batch_id, text, reason); ``hold`` keeps an intermediate result.

        ``hash_key`` makes opaque ids where a system gives a person no id but a name.
        """
        ...

    def require_fields(self, records: ir.Table) -> None:
        """Raise ConfigError when parsed records have none of a field that the source was told to read."""
        ...
