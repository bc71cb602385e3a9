"""A table of TikTok videos as one exporter writes it: every value is text, and large numbers are shortened."""

from dataclasses import dataclass
from typing import Literal

import ibis
import ibis.expr.types as ir

from trenddrop.core.settings import Config
from trenddrop.sources.document import document_reason
from trenddrop.sources.engine_functions import content_hash, fields, keyed_hash
from trenddrop.sources.readings import Count, Duration, Flag, Moment, Reading, RequiredText, Text, read
from trenddrop.sources.source import FileFormat, Hold, Parsed

_COUNTS = {
    "view_count": "vid_nview", "like_count": "vid_nlike", "comment_count": "vid_ncomment", "share_count": "vid_nshare",
    "follower_count": "user_nfollower",
}  # fmt: skip
_FIELDS = [
    *_COUNTS.values(), "user_name", "vid_id", "vid_caption", "vid_postTime", "vid_scrapeTime", "vid_duration",
    "vid_hashtags", "music_title", "music_nused", "music_authorName", "music_originality",
]  # fmt: skip


class TikTokExportConfig(Config):
    """The settings of the source; ``timezone`` is that of ``vid_postTime`` and ``vid_scrapeTime``."""

    kind: Literal["tiktok_export"]
    platform: str = "tiktok"
    label: str = "growth_multiple"
    timezone: str = "UTC"
    generic_hashtags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class TikTokExport:
    """The export's records.

    ``music_id`` went through a floating point number and no longer tells sounds apart: the id of a sound is made of its
    title and author instead. A creator has a name and no id: the id is a keyed hash of the name.
    """

    name: str
    config: TikTokExportConfig
    file_format: FileFormat = "auto"

    @property
    def system(self) -> str:
        """Return the system whose raw table the records go to."""
        return "tiktok"

    @property
    def platform(self) -> str:
        """Return the platform of the hashtags."""
        return self.config.platform

    @property
    def label(self) -> str:
        """Return the label definition that suits the source."""
        return self.config.label

    @property
    def generic_hashtags(self) -> frozenset[str]:
        """Return tags that say nothing about a video."""
        return self.config.generic_hashtags

    def require_fields(self, records: ir.Table) -> None:
        """Accept any records: what is missing is a reason of the record that lacks it."""

    def parse(self, records: ir.Table, *, hold: Hold, hash_key: str) -> Parsed:
        """Read the records; see :class:`trenddrop.sources.source.Source`."""
        read = hold(self._read(records, hash_key))
        kept = read.select(*records.columns, "is_document", "entity_type", "fetched_at").mutate(reason=read.reason)
        good = read.filter(read.reason.isnull())
        return Parsed(kept, videos=_videos(good), creators=_creators(good), sounds=_sounds(good))

    def _read(self, records: ir.Table, hash_key: str) -> ir.Table:
        found = records.mutate(_fields=fields(records.text, _FIELDS))
        shown = found.mutate(**{f"_{name}": found._fields[number] for number, name in enumerate(_FIELDS)})
        shown = shown.mutate(
            _document=document_reason(shown.text, shown._fields),
            _uses=shown._music_nused.re_replace(r"\s*videos?\s*$", ""),
            tags=shown._vid_hashtags.split(",").fill_null(ibis.literal([], type="array<string>")),
        )
        typed = read(shown, self._readings(), reason="_reason")
        typed = typed.mutate(
            is_document=typed._document.isnull() & typed.reason.isnull(),
            entity_type=ibis.literal("video"),
            reason=ibis.coalesce(typed.reason, typed._document, typed._reason),
        )
        known = typed.title.notnull() | typed.artist.notnull()
        sound = content_hash(typed.title.fill_null("") + ibis.literal("\x1f") + typed.artist.fill_null("")).left(16)
        return typed.mutate(
            observed_at=typed.fetched_at,
            creator_id=keyed_hash(typed.username, key=hash_key),
            sound_id=ibis.ifelse(known, ibis.literal("t_") + sound, ibis.null("string")),
        ).drop("_fields", "_reason", "_document", "_uses", *(f"_{name}" for name in _FIELDS))

    def _readings(self) -> list[Reading]:
        zone = self.config.timezone
        return [
            *(Count(name, f"_{field}", field) for name, field in _COUNTS.items()),
            Count("usage_count", "_uses", "music_nused"),
            RequiredText("video_id", "_vid_id", "vid_id"),
            Moment("fetched_at", "_vid_scrapeTime", "vid_scrapeTime", "iso", zone),
            Moment("created_at", "_vid_postTime", "vid_postTime", "iso", zone, is_required=False),
            Duration("duration_seconds", "_vid_duration", "vid_duration"),
            Flag("is_original", "_music_originality"),
            Text("caption", "_vid_caption"),
            Text("username", "_user_name"),
            Text("title", "_music_title"),
            Text("artist", "_music_authorName"),
        ]


def _videos(good: ir.Table) -> ir.Table:
    return good.select(
        "record",
        "batch_id", "video_id", "observed_at", "fetched_at", "created_at", "creator_id", "view_count", "like_count",
        "comment_count", "share_count", "tags", "sound_id", "caption", "duration_seconds",
    )  # fmt: skip


def _creators(good: ir.Table) -> ir.Table:
    known = good.filter(good.creator_id.notnull())
    return known.select("record", "batch_id", "creator_id", "observed_at", "fetched_at", "username", "follower_count")


def _sounds(good: ir.Table) -> ir.Table:
    known = good.filter(good.sound_id.notnull())
    return known.select(
        "record", "batch_id", "sound_id", "observed_at", "fetched_at", "title", "artist", "is_original", "usage_count"
    )
