"""Which raw records name a hashtag, a video or a creator: by a value, never by a key of the record.

It counts where the source reads it from. In a record of an unknown source, or one that has none of the source's fields,
any value counts. A hashtag with its sign, as in a caption, counts wherever it stands.
"""

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import ibis
import ibis.expr.types as ir

from trenddrop.core.ids import keyed_hash, normalized_name
from trenddrop.sources import Source
from trenddrop.sources.mapping import Mapping
from trenddrop.sources.names import PLAIN_CHARACTERS
from trenddrop.sources.series import SeriesSource
from trenddrop.sources.tiktok_export import TikTokExport
from trenddrop.sources.tiktok_records import TikTokRecords
from trenddrop.warehouse import count_rows

Kind = Literal["creator", "video", "hashtag"]

RECORDS_AT_ONCE = 50_000  # whose texts are held in memory
VALUES_PER_PATTERN = 200
HASHED = "u_"  # begins the id that stands for a creator's name
_SYMBOLS = r"\x{1f300}-\x{1faff}\x{2600}-\x{27bf}\x{200d}\x{fe0f}"
_NORMAL = PLAIN_CHARACTERS + _SYMBOLS  # which normalization leaves as they are
_SIGNED = (re.compile(r"#+(\w+)"), re.compile(r"#+([^\s#.,;:!?…\"'()]+)"))  # a symbol ends a name, or is part of it
_LOOSE = ",;|\t"


@dataclass(frozen=True, slots=True)
class Fields:
    """Where the records of a source name something; ``a.b`` is the field b of the objects in a.

    A field in ``hashed`` holds a name whose keyed hash is the id. A record without any of ``known`` has another shape.
    """

    known: frozenset[str]
    plain: frozenset[str]
    hashed: frozenset[str] = frozenset()
    separators: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for: normalized names of hashtags, or ids of videos or creators without their system."""

    kind: Kind
    values: frozenset[str]
    hash_key: str = ""

    def is_in(self, text: str, fields: Fields | None) -> bool:
        """Return whether the record names it."""
        values = list(_values(text))
        is_known = fields is not None and any(path.split(".")[0] in fields.known for path, _ in values)
        return any(self._is(path, value, fields if is_known else None) for path, value in values)

    def may_be_in(self, raw: ir.Table) -> ir.Table:
        """Return the rows of a raw table without many of those that do not name it."""
        if self._is_hashed:
            return raw
        has_more_escapes = any(character in '"\\/' for value in self.values for character in value)
        unsure = [r"\\" if has_more_escapes else r"\\u"]
        if self.kind == "hashtag":
            unsure.append(f"[^{_NORMAL}]")
        start = "(?i)" if self.kind == "hashtag" else ""
        spelled = [re.escape(value) for value in sorted(self.values)]
        starts = range(0, len(spelled), VALUES_PER_PATTERN)
        patterns = ["|".join(unsure), *(start + "|".join(spelled[i : i + VALUES_PER_PATTERN]) for i in starts)]
        return raw.filter(ibis.or_(*(raw.raw_json.re_search(pattern) for pattern in patterns)))

    @property
    def _is_hashed(self) -> bool:
        return self.kind == "creator" and any(value.startswith(HASHED) for value in self.values)

    def _is(self, path: str, value: str, fields: Fields | None) -> bool:
        is_plain = fields is None or path in fields.plain
        if self.kind == "hashtag":
            separators = fields.separators if fields else _LOOSE
            names = [value, *re.split(f"[{re.escape(separators)}]", value)] if separators else [value]
            return any(normalized_name(name) in self.values for name in [*(names if is_plain else []), *_signed(value)])
        if is_plain and value in self.values:
            return True
        may_be_hashed = self._is_hashed and (fields is None or path in fields.hashed)
        return may_be_hashed and keyed_hash(value.encode(errors="replace").decode(), key=self.hash_key) in self.values


def records_naming(raw: ir.Table, wanted: Wanted, fields: Fields | None) -> list[str]:
    """Return the ids of the rows of a raw table that name it."""
    candidates = wanted.may_be_in(raw).select("id", "raw_json", "line_number")
    parts = -(-count_rows(candidates) // RECORDS_AT_ONCE)
    found: list[str] = []
    for part in range(parts):
        rows = candidates.filter(candidates.line_number % parts == part).select("id", "raw_json").to_polars()
        found += [identity for identity, text in rows.iter_rows() if wanted.is_in(text, fields)]
    return found


def fields_of(source: Source | None, kind: Kind) -> Fields | None:
    """Return where the source's records name hashtags, videos or creators; None where that is not known."""
    if isinstance(source, SeriesSource):
        return _mapped(source.mapping, kind)
    if isinstance(source, TikTokRecords):
        return _TIKTOK_RECORDS[kind]
    if isinstance(source, TikTokExport):
        return _TIKTOK_EXPORT[kind]
    return None


_RECORD = frozenset({"id", "text", "hashtags", "challenge", "authorMeta", "musicMeta", "createTime", "playCount"})
_TIKTOK_RECORDS: dict[Kind, Fields] = {
    "hashtag": Fields(_RECORD, frozenset({"hashtags", "hashtags.name", "challenge.title"})),
    "video": Fields(_RECORD, frozenset({"id"})),
    "creator": Fields(_RECORD, frozenset({"authorMeta.id"}), hashed=frozenset({"authorMeta.name"})),
}
_ROW = frozenset({"vid_id", "vid_hashtags", "user_name"})
_TIKTOK_EXPORT: dict[Kind, Fields] = {
    "hashtag": Fields(_ROW, frozenset({"vid_hashtags"}), separators=","),
    "video": Fields(_ROW, frozenset({"vid_id"})),
    "creator": Fields(_ROW, frozenset(), hashed=frozenset({"user_name"})),
}


def _mapped(mapping: Mapping, kind: Kind) -> Fields:
    tags, video = mapping.hashtag, mapping.video
    tagged = tags.field.removesuffix("?") + (f".{tags.item}" if tags.item else "")
    named = {"hashtag": tagged, "video": video and video.id, "creator": video and video.creator}[kind]
    plain = frozenset({named.removesuffix("?")} if named else ())
    known = frozenset({(video.id if video else tagged).split(".")[0].removesuffix("?")})
    return Fields(known, plain, separators=tags.separator or "")


def _signed(text: str) -> Iterator[str]:
    """Yield what follows a hashtag's sign."""
    normal = unicodedata.normalize("NFKC", text)
    if "#" in normal:
        for pattern in _SIGNED:
            yield from pattern.findall(normal)


def _values(text: str) -> Iterator[tuple[str, str]]:
    """Yield every value of a record beside the keys that lead to it; the parts of a text that is no JSON."""
    try:
        document = json.loads(text, object_pairs_hook=tuple, parse_int=str, parse_float=str)  # tuples keep every pair
    except (ValueError, RecursionError):
        yield from (("", part) for part in _parts(text))
        return
    waiting: list[tuple[str, Any]] = [("", document)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, tuple):
            waiting += [(f"{path}.{key}" if path else key, item) for key, item in value]
        elif isinstance(value, list):
            waiting += [(path, item) for item in value]
        elif isinstance(value, str):
            yield path, value.strip()


def _parts(text: str) -> Iterator[str]:
    """Yield what stands between quotes and separators, unless a colon follows: then it is a key."""
    parts = re.split(r'[",;|\t]', text)
    for part, after in pairwise([*parts, ""]):
        if not after.lstrip().startswith(":"):
            yield part.strip(" :{}[]")
