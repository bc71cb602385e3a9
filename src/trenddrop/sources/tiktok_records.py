"""TikTok records as scrapers write them: the pages of videos, hashtags, creators and sounds, one JSON object each.

What a record describes is seen from its shape: ``challenge`` is a hashtag; ``id``, ``createTime`` or ``playCount`` make
a video; ``authorMeta`` alone is a creator; ``musicMeta`` alone is a sound.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import ibis
import ibis.expr.types as ir

from trenddrop.core.settings import Config
from trenddrop.core.time import HOUR
from trenddrop.sources.document import document_reason
from trenddrop.sources.engine_functions import fields, items, join_reasons, json_type, keyed_hash
from trenddrop.sources.names import plain_name
from trenddrop.sources.readings import BLANK_NAME, Count, Duration, Flag, Moment, Reading, Text, read
from trenddrop.sources.source import FileFormat, Hold, Parsed

FETCH_FIELDS = ("fetchTime", "fetchedAt", "scrapedAt", "collectTime")
_TEXTS = {
    "video_id": "id", "caption": "text", "region": "locationCreated", "video_region": "region",
    "language": "textLanguage", "author_id": "authorMeta.id", "username": "authorMeta.name",
    "display_name": "authorMeta.nickName", "bio": "authorMeta.signature", "location": "authorMeta.region",
    "sound_id": "musicMeta.musicId", "sound_title": "musicMeta.musicName", "artist": "musicMeta.musicAuthor",
    "challenge_id": "challenge.id", "challenge": "challenge.title", "challenge_text": "challenge.desc",
}  # fmt: skip
_COUNTS = {
    "view_count": "playCount", "like_count": "diggCount", "comment_count": "commentCount", "share_count": "shareCount",
    "download_count": "downloadCount", "follower_count": "authorMeta.fans", "following_count": "authorMeta.following",
    "creator_likes": "authorMeta.heart", "creator_videos": "authorMeta.video", "page_views": "stats.viewCount",
    "page_videos": "stats.videoCount", "page_likes": "stats.diggCount", "page_comments": "stats.commentCount",
    "page_shares": "stats.shareCount",
}  # fmt: skip
_FLAGS = {
    "is_verified": "authorMeta.verified", "is_original": "musicMeta.musicOriginal", "is_duet": "isDuet",
    "is_stitch": "isStitch",
}  # fmt: skip
_DURATIONS = {"duration_seconds": "videoMeta.duration", "sound_seconds": "musicMeta.duration"}
_FIELDS = [
    *_TEXTS.values(), *_COUNTS.values(), *_FLAGS.values(), *_DURATIONS.values(), "createTime", *FETCH_FIELDS,
]  # fmt: skip
_TYPED = [
    *(name for name in _TEXTS if name != "video_region"), *_COUNTS, *_FLAGS, *_DURATIONS, "created_at",
    "own_fetch_time", "tags", "entity_type", "is_document",
]  # fmt: skip


class TikTokRecordsConfig(Config):
    """The settings of the source."""

    kind: Literal["tiktok_records"]
    platform: str = "tiktok"
    label: str = "growth_multiple"
    generic_hashtags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class TikTokRecords:
    """Raw TikTok records.

    A record without a fetch time counts as fetched at ``fetched_at``, or, without that, an hour after the newest
    ``createTime`` of its file: the earliest moment at which all of the file can have been known.
    """

    name: str
    config: TikTokRecordsConfig
    fetched_at: datetime | None = None
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
        typed = hold(_typed(records))
        read = hold(self._with_fetch_time(typed))
        good = read.filter(read.reason.isnull())
        kept = read.select(*records.columns, "is_document", "entity_type", "fetched_at").mutate(reason=read.reason)
        good = good.mutate(creator_id=ibis.coalesce(good.author_id, keyed_hash(good.username, key=hash_key)))
        return Parsed(kept, _hashtags(good), _videos(good), _creators(good), _sounds(good))

    def _with_fetch_time(self, typed: ir.Table) -> ir.Table:
        default = ibis.literal(self.fetched_at, type="timestamp('UTC', 6)") if self.fetched_at else None
        if default is None:
            newest = typed.group_by("batch_id").aggregate(newest=typed.created_at.max()).rename(newest_batch="batch_id")
            typed = typed.left_join(newest, typed.batch_id == newest.newest_batch).drop("newest_batch")
            default = typed.newest + ibis.interval(seconds=int(HOUR.total_seconds()))
        fetched = ibis.coalesce(typed.own_fetch_time, default)
        reason = ibis.coalesce(
            typed.reason,
            ibis.ifelse(
                fetched.isnull(),
                ibis.literal(
                    f"{FETCH_FIELDS[0]}: is missing, and no record of the file has createTime; say when it was fetched"
                ),
                ibis.null("string"),
            ),
        )
        return typed.mutate(fetched_at=fetched, observed_at=fetched, reason=reason)


def _readings() -> list[Reading]:
    return [
        *(Text(name, f"_{field}") for name, field in _TEXTS.items()),
        *(Count(name, f"_{field}", field) for name, field in _COUNTS.items()),
        *(Flag(name, f"_{field}") for name, field in _FLAGS.items()),
        *(Duration(name, f"_{field}", field) for name, field in _DURATIONS.items()),
        Moment("created_at", "_createTime", "createTime", is_required=False),
        Moment("own_fetch_time", "_fetch", FETCH_FIELDS[0], is_required=False),
    ]


def _typed(records: ir.Table) -> ir.Table:
    found = records.mutate(_fields=fields(records.text, _FIELDS))
    shown = found.mutate(**{f"_{name}": found._fields[number] for number, name in enumerate(_FIELDS)})
    shown = shown.mutate(
        _document=document_reason(shown.text, shown._fields),
        _fetch=ibis.coalesce(*(shown[f"_{field}"].nullif("") for field in FETCH_FIELDS)),
        _tag_kind=json_type(shown.text, "hashtags"),
        _tag_objects=items(shown.text, "$.hashtags[*].name"),
        _tag_texts=items(shown.text, "$.hashtags[*]"),
    )
    typed = read(shown, _readings(), reason="_reason")
    typed = typed.mutate(
        tags=_tags(typed),
        _entity=_entity_type(typed),
        region=ibis.coalesce(typed.region, typed.video_region),
    )
    reasons = [typed._reason, _tags_reason(typed), _identity_reason(typed)]
    return typed.mutate(
        entity_type=typed._entity.fill_null("video"),
        is_document=typed._document.isnull() & typed.reason.isnull(),
        reason=ibis.coalesce(typed.reason, typed._document, join_reasons(reasons)),
    ).select(*records.columns, *_TYPED)


def _entity_type(typed: ir.Table) -> ir.StringValue:
    is_video = typed.video_id.notnull() | typed._createTime.notnull() | typed._playCount.notnull()
    return ibis.cases(
        (typed.challenge.notnull() | typed.challenge_id.notnull(), "hashtag"),
        (is_video, "video"),
        (typed.author_id.notnull() | typed.username.notnull(), "creator"),
        (typed.sound_id.notnull(), "sound"),
        else_=ibis.null("string"),
    )


def _identity_reason(typed: ir.Table) -> ir.StringValue:
    entity = typed._entity
    return ibis.cases(
        (entity.isnull(), ibis.literal("record: has none of id, challenge, authorMeta and musicMeta")),
        ((entity == "video") & typed.video_id.isnull(), ibis.literal("id: is missing")),
        ((entity == "hashtag") & typed.challenge.isnull(), ibis.literal("challenge.title: is missing")),
        ((entity == "hashtag") & typed.challenge.re_search(BLANK_NAME), ibis.literal("challenge.title: is empty")),
        else_=ibis.null("string"),
    )


def _tags(typed: ir.Table) -> ir.ArrayValue:
    """Return the names in ``hashtags``: a list of objects with a name, or of texts."""
    objects, texts = typed._tag_objects, typed._tag_texts
    tags = ibis.ifelse(texts.length() == objects.length(), objects, texts.filter(lambda tag: ~tag.startswith("{")))
    empty = ibis.literal([], type="array<string>")
    return ibis.ifelse(typed._tag_kind == "ARRAY", tags, empty).fill_null(empty)


def _tags_reason(typed: ir.Table) -> ir.StringValue:
    is_usable = typed._tag_kind.isnull() | typed._tag_kind.isin(["ARRAY", "NULL"])
    return ibis.ifelse(is_usable, ibis.null("string"), ibis.literal("hashtags: is not a list"))


def _hashtags(good: ir.Table) -> ir.Table:
    pages = good.filter(good.entity_type == "hashtag")
    return pages.select(
        "record", "batch_id", "observed_at", "fetched_at", name=pages.challenge, plain=plain_name(pages.challenge),
        view_count=pages.page_views,
        video_count=pages.page_videos, like_count=pages.page_likes, comment_count=pages.page_comments,
        share_count=pages.page_shares, title=pages.challenge.re_replace("^#+", ""), description=pages.challenge_text,
        trend_type=ibis.literal("hashtag"),
    )  # fmt: skip


def _videos(good: ir.Table) -> ir.Table:
    videos = good.filter(good.entity_type == "video")
    return videos.select(
        "record", "batch_id", "video_id", "observed_at", "fetched_at", "created_at", "view_count", "like_count",
        "comment_count",
        "share_count", "download_count", "tags", "sound_id", "region", "caption", "duration_seconds", "language",
        "is_duet", "is_stitch", "creator_id",
    )  # fmt: skip


def _creators(good: ir.Table) -> ir.Table:
    known = good.filter(good.creator_id.notnull())
    return known.select(
        "record", "batch_id", "observed_at", "fetched_at", "username", "display_name", "bio", "follower_count",
        "following_count", "is_verified", "location", "creator_id", like_count=known.creator_likes,
        video_count=known.creator_videos,
    )  # fmt: skip


def _sounds(good: ir.Table) -> ir.Table:
    known = good.filter(good.sound_id.notnull())
    return known.select(
        "record", "batch_id", "sound_id", "observed_at", "fetched_at", "artist", "is_original", title=known.sound_title,
        duration_seconds=known.sound_seconds,
        usage_count=ibis.ifelse(known.entity_type == "sound", known.page_videos, ibis.null("int64")),
    )  # fmt: skip
