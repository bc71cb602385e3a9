"""A source that a mapping describes: records of hashtags or of videos, each with the time it was read."""

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from trenddrop.core.errors import ConfigError
from trenddrop.sources.document import document_reason
from trenddrop.sources.engine_functions import fields, has_field, items, json_path, keys, strip
from trenddrop.sources.mapping import Filter, Mapping, TagsField, TimeField, VideoFields
from trenddrop.sources.names import plain_name
from trenddrop.sources.readings import BLANK_NAME, Count, Duration, Moment, Reading, RequiredText, Score, Text, read
from trenddrop.sources.source import COUNTERS, FileFormat, Hold, Parsed

SAMPLED_RECORDS = 10_000  # a field that none of the first so many records has is a mistake of the mapping


@dataclass(frozen=True, slots=True)
class SeriesSource:
    """The records of one mapping file."""

    name: str
    origin: str  # the mapping file
    mapping: Mapping

    @property
    def system(self) -> str:
        """Return the system whose raw table the records go to."""
        return self.mapping.system or self.mapping.platform

    @property
    def platform(self) -> str:
        """Return the platform of the hashtags."""
        return self.mapping.platform

    @property
    def label(self) -> str:
        """Return the label definition that suits the source."""
        return self.mapping.label

    @property
    def file_format(self) -> FileFormat:
        """Return the format of the files."""
        return self.mapping.format

    @property
    def generic_hashtags(self) -> frozenset[str]:
        """Return tags that say nothing about a video."""
        return self.mapping.generic_hashtags

    def require_fields(self, records: ir.Table) -> None:
        """Raise ConfigError when the mapping names a field that no record of a sample has.

        Raises:
            ConfigError: with the mapping file, the field and the fields that there are.

        """
        required = self.mapping.required_fields()
        documents = records.filter(records.is_document).select("text").limit(SAMPLED_RECORDS)
        keyed = documents.select(key=keys(documents.text).unnest()).distinct()
        there = set(keyed.to_pyarrow()["key"].to_pylist())
        if not there:
            return
        nested = [name for name in required if "." in name and name.split(".")[0] in there]
        found = set(required) & there
        if nested:
            exist = {f"f{number}": has_field(documents.text, name).any() for number, name in enumerate(nested)}
            row = documents.aggregate(**exist).to_pyarrow()
            found |= {name for number, name in enumerate(nested) if row[f"f{number}"][0].as_py()}
        if absent := [name for name in required if name not in found]:
            named = ", ".join(f"{name!r} (as {required[name]})" for name in absent)
            raise ConfigError(
                f"{self.origin}: no record has the field {named}; the records have {sorted(there)}; "
                "correct the mapping, or end the name in ? where the field may be absent"
            )

    def parse(self, records: ir.Table, *, hold: Hold, hash_key: str) -> Parsed:
        """Read the records; see :class:`trenddrop.sources.source.Source`."""
        reader = _Reader(self.mapping)
        read = hold(reader.read(records))
        entity = read.select(*records.columns, "is_document", "entity_type", "fetched_at").mutate(reason=read.reason)
        good = read.filter(read.reason.isnull() & read.is_used)
        if self.mapping.entity == "hashtag":
            return Parsed(records=entity, hashtags=reader.hashtags(good))
        return Parsed(records=entity, videos=reader.videos(good), creators=reader.creators(good))


class _Reader:
    """The expressions of one mapping."""

    def __init__(self, mapping: Mapping) -> None:
        self.mapping = mapping
        self.positions = {name: number for number, name in enumerate(mapping.fields())}

    def read(self, records: ir.Table) -> ir.Table:
        """Return the records with typed values, all reasons, and whether the filters let them through."""
        found = records.mutate(_fields=fields(records.text, list(self.positions)))
        shown = found.mutate(**{f"_f{number}": found._fields[number] for number in self.positions.values()})
        document = document_reason(shown.text, shown._fields)
        shown = shown.mutate(is_used=self._is_used(shown), _document=document, **self._tags(shown))
        typed = read(shown, self._readings(), reason="_reason")
        if "fetched_at" not in typed.columns:
            typed = typed.mutate(fetched_at=typed.observed_at)
        if not self._has_many_tags:
            typed = typed.mutate(plain=plain_name(typed.name))
        return typed.mutate(
            is_document=typed._document.isnull() & typed.reason.isnull(),
            entity_type=ibis.literal(self.mapping.entity),
            reason=ibis.coalesce(typed.reason, typed._document, typed._reason),
        ).drop("_fields", "_reason", "_document", *(f"_f{number}" for number in self.positions.values()))

    def hashtags(self, good: ir.Table) -> ir.Table:
        """Return one row per hashtag and good record."""
        if self._has_many_tags:
            good = good.mutate(name=good.tags.unnest())
            good = good.filter(~good.name.re_search(BLANK_NAME))
            good = good.mutate(plain=plain_name(good.name))
        columns = [column for column in good.columns if column in _HASHTAG_COLUMNS]
        hashtags = good.select("record", "batch_id", *columns)
        title = hashtags.title if "title" in columns else hashtags.name
        return hashtags.mutate(title=strip(title), trend_type=ibis.literal(self.mapping.trend_type))

    def videos(self, good: ir.Table) -> ir.Table:
        """Return one row per good record."""
        return good.select("record", "batch_id", *(column for column in good.columns if column in _VIDEO_COLUMNS))

    def creators(self, good: ir.Table) -> ir.Table | None:
        """Return the creators of the videos, of whom nothing but the id is known."""
        if "creator_id" not in good.columns:
            return None
        known = good.filter(good.creator_id.notnull())
        return known.select("record", "batch_id", "creator_id", "observed_at", "fetched_at")

    @property
    def _has_many_tags(self) -> bool:
        return self.mapping.hashtag.is_list or self.mapping.hashtag.separator is not None

    def _column(self, name: str) -> str:
        return f"_f{self.positions[name.removesuffix('?')]}"

    def _readings(self) -> list[Reading]:
        mapping = self.mapping
        readings: list[Reading] = [self._moment("observed_at", mapping.time)]
        if mapping.fetched is not None and mapping.fetched != mapping.time:
            readings.append(self._moment("fetched_at", mapping.fetched))
        for name, counter in mapping.counters.items():
            column = name if counter.kind == "cumulative" else f"{name}_increment"
            readings.append(Count(column, self._column(counter.field), counter.field.removesuffix("?"), counter.number))
        if mapping.score is not None:
            field = mapping.score.field
            readings.append(Score("score", self._column(field), field.removesuffix("?"), mapping.score.zero_is_unknown))
        if not self._has_many_tags:
            field = mapping.hashtag.field
            readings.append(RequiredText("name", self._column(field), field.removesuffix("?")))
        if mapping.video is not None:
            readings += self._video_readings(mapping.video)
        texts = dict(mapping.text) | {"region": mapping.region}
        if texts["title"] == mapping.hashtag.field and not self._has_many_tags:
            texts["title"] = None  # the name itself
        return readings + [Text(name, self._column(field)) for name, field in texts.items() if field]

    def _video_readings(self, video: VideoFields) -> list[Reading]:
        readings: list[Reading] = [RequiredText("video_id", self._column(video.id), video.id.removesuffix("?"))]
        if video.created is not None:
            readings.append(self._moment("created_at", video.created, is_required=False))
        if video.duration is not None:
            readings.append(
                Duration("duration_seconds", self._column(video.duration), video.duration.removesuffix("?"))
            )
        texts = {"creator_id": video.creator, "caption": video.caption, "sound_id": video.sound}
        return readings + [Text(name, self._column(field)) for name, field in texts.items() if field]

    def _moment(self, name: str, time: TimeField, *, is_required: bool = True) -> Moment:
        field = time.field
        return Moment(name, self._column(field), field.removesuffix("?"), time.format, time.timezone, is_required)

    def _tags(self, shown: ir.Table) -> dict[str, ir.ArrayValue]:
        tags = self.mapping.hashtag
        return {"tags": tag_list(shown.text, shown[self._column(tags.field)], tags)} if self._has_many_tags else {}

    def _is_used(self, shown: ir.Table) -> ir.BooleanValue:
        used = ibis.literal(True)
        for rule in self.mapping.filters:
            used = used & _holds(shown[self._column(rule.field)], rule).fill_null(False)
        return used


_HASHTAG_COLUMNS = {
    "name", "plain", "observed_at", "fetched_at", *COUNTERS, *(f"{name}_increment" for name in COUNTERS), "score",
    "title", "category", "description", "language", "region",
}  # fmt: skip
_VIDEO_COLUMNS = {
    "video_id", "observed_at", "fetched_at", "created_at", "creator_id", *COUNTERS, "tags", "sound_id", "region",
    "caption", "duration_seconds", "language",
}  # fmt: skip


def tag_list(document: ir.StringValue, text: ir.StringValue, tags: TagsField) -> ir.ArrayValue:
    """Return the names in a field, as written; an absent field is an empty list."""
    if tags.is_list:
        path = json_path(tags.field.removesuffix("?")) + "[*]" + (f'."{tags.item}"' if tags.item else "")
        names = items(document, path)
    else:
        names = text.split(tags.separator)
    return names.fill_null(ibis.literal([], type="array<string>"))


def _holds(text: ir.StringValue, rule: Filter) -> ir.BooleanValue:
    """Return whether the filter holds; a missing field equals nothing."""
    present = text.fill_null("")
    if isinstance(rule.value, list):
        wanted = [_json_text(value) for value in rule.value]
        return present.isin(wanted) if rule.op == "in" else ~present.isin(wanted)
    value = _json_text(rule.value)
    if rule.op in ("eq", "ne"):
        is_number = isinstance(rule.value, int | float) and not isinstance(rule.value, bool)
        same = (text.try_cast("float64") == float(rule.value)).fill_null(False) if is_number else present == value
        return same if rule.op == "eq" else ~same
    if rule.op in ("contains", "matches"):
        return present.contains(value) if rule.op == "contains" else present.re_search(value)
    number, bound = text.try_cast("float64"), float(rule.value)
    return {"lt": number < bound, "le": number <= bound, "gt": number > bound, "ge": number >= bound}[rule.op]


def _json_text(value: bool | int | float | str) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
