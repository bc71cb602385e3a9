"""The YAML mapping that turns anyone's series of records into observations."""

import re
from typing import Any, Literal
from zoneinfo import available_timezones

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator, model_validator

from trenddrop.core.errors import ConfigError
from trenddrop.core.settings import Config
from trenddrop.schemas import raw_data
from trenddrop.sources.source import FileFormat

_DIRECTIVES = re.compile(r"(?:[^%]|%-[djmyHIMS]|%[a-dfghjmnpuw-zABGHIMSTUVWXYZ%])*")  # of strptime in the engine

Counter = Literal["view_count", "video_count", "creator_count", "like_count", "comment_count", "share_count"]


class TimeField(Config):
    """A field that holds an instant.

    ``format``: ``auto``, ``epoch_s``, ``epoch_ms``, ``epoch_us``, ``iso`` or a strptime pattern; ``timezone`` says
    where clocks without an offset stand.
    """

    field: str = Field(min_length=1)
    format: str = "auto"
    timezone: str = "UTC"

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError(f"{name!r} is not a time zone; write it as Asia/Shanghai")
        return name

    @field_validator("format")
    @classmethod
    def _usable(cls, text: str) -> str:
        if text not in ("auto", "epoch_s", "epoch_ms", "epoch_us", "iso") and "%" not in text:
            raise ValueError(f"{text!r} is not auto, epoch_s, epoch_ms, epoch_us, iso or a pattern such as %d/%m/%Y")
        if not _DIRECTIVES.fullmatch(text):
            raise ValueError(f"{text!r} is not a pattern of strptime; write a percent sign as %%")
        return text


class CounterField(Config):
    """A field that counts: since the beginning (cumulative), or since the reading before (window).

    ``number: any`` reads 1,234 and 215.7M and 1.2万; ``plain`` only digits.
    """

    field: str = Field(min_length=1)
    kind: Literal["cumulative", "window"] = "cumulative"
    number: Literal["any", "plain"] = "any"


class ScoreField(Config):
    """The platform's own heat."""

    field: str = Field(min_length=1)
    zero_is_unknown: bool = False


class TagsField(Config):
    """A field that holds hashtags: one name, text with a separator, or a JSON list (of texts, or of objects)."""

    field: str = Field(min_length=1)
    separator: str | None = Field(default=None, min_length=1)
    is_list: bool = False
    item: str | None = Field(default=None, description="the key of the name where the list holds objects")

    @model_validator(mode="after")
    def _one_shape(self) -> "TagsField":
        if self.separator is not None and self.is_list:
            raise ValueError("a field is either a list or text with a separator")
        if self.item is not None and not self.is_list:
            raise ValueError("item needs is_list: true")
        return self


class Filter(Config):
    """A record gives observations only where this holds; it counts as processed in any case."""

    field: str = Field(min_length=1)
    op: Literal["eq", "ne", "in", "not_in", "lt", "le", "gt", "ge", "contains", "matches"]
    value: bool | int | float | str | list[bool | int | float | str]

    @model_validator(mode="after")
    def _suits(self) -> "Filter":
        if (self.op in ("in", "not_in")) != isinstance(self.value, list):
            raise ValueError("in and not_in take a list, every other op takes one value")
        if self.op in ("lt", "le", "gt", "ge") and (isinstance(self.value, bool | str | list)):
            raise ValueError(f"{self.op} takes a number")
        if self.op == "matches":
            try:  # RE2, as the engine
                pc.match_substring_regex(pa.array([""]), str(self.value))
            except pa.ArrowInvalid as error:
                raise ValueError(f"{self.value!r}: {error}") from error
        return self


class TextFields(Config):
    """Fields that say what a hashtag (or a video) is about."""

    title: str | None = None
    category: str | None = None
    description: str | None = None
    language: str | None = None


class VideoFields(Config):
    """The fields of a video besides its counters."""

    id: str = Field(min_length=1)
    created: TimeField | None = None
    creator: str | None = None
    caption: str | None = None
    duration: str | None = None
    sound: str | None = None

    @field_validator("created", mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"field": value} if isinstance(value, str) else value


class Mapping(Config):
    """Which field of a record is what.

    A field inside an object is written ``a.b``. A field whose name ends in ``?`` may be absent from all records;
    any other must be in some.
    """

    kind: Literal["series"]
    platform: str = Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")
    system: str | None = None
    label: str = "growth_multiple"
    format: FileFormat = "auto"
    entity: Literal["hashtag", "video"] = "hashtag"
    trend_type: Literal["hashtag", "keyword", "headline"] = "hashtag"
    hashtag: TagsField
    time: TimeField
    fetched: TimeField | None = Field(default=None, description="default: the time itself")
    counters: dict[Counter, CounterField] = {}
    score: ScoreField | None = None
    filters: tuple[Filter, ...] = ()
    text: TextFields = TextFields()
    region: str | None = None
    video: VideoFields | None = None
    generic_hashtags: frozenset[str] = frozenset()

    @field_validator("hashtag", "time", "fetched", "score", mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"field": value} if isinstance(value, str) else value

    @field_validator("counters", mode="before")
    @classmethod
    def _short_counters(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: {"field": field} if isinstance(field, str) else field for name, field in value.items()}

    @field_validator("system")
    @classmethod
    def _usable_system(cls, name: str | None) -> str | None:
        if name is not None:
            try:
                raw_data(name)
            except ConfigError as error:
                raise ValueError(str(error)) from error
        return name

    @model_validator(mode="after")
    def _complete(self) -> "Mapping":
        if (self.entity == "video") != (self.video is not None):
            raise ValueError("entity: video needs a video section, and only then")
        if not self.counters and self.score is None:
            raise ValueError("at least one counter or a score is needed")
        if wild := sorted(name for name in self.fields() if "*" in name.split(".")):
            raise ValueError(f"a field is called by its name, not by a pattern; not {wild}")
        if self.entity == "video":
            unfit = sorted(set(self.counters) & {"video_count", "creator_count"})
            windowed = sorted(name for name, counter in self.counters.items() if counter.kind == "window")
            if unfit or windowed or self.score:
                raise ValueError(f"a video has cumulative counters of its own and no score; not {unfit + windowed}")
        return self

    def fields(self) -> dict[str, str]:
        """Return where each field is used, by field name without ``?``."""
        return {name.removesuffix("?"): use for use, name in self._uses()}

    def required_fields(self) -> dict[str, str]:
        """Return the fields that must be in some record, and where each is used."""
        return {name: use for use, name in self._uses() if not name.endswith("?")}

    def _uses(self) -> list[tuple[str, str]]:
        uses: list[tuple[str, str | None]] = [("hashtag", self.hashtag.field), ("time", self.time.field)]
        uses.append(("fetched", self.fetched.field if self.fetched else None))
        uses += [(f"counters.{name}", counter.field) for name, counter in self.counters.items()]
        uses.append(("score", self.score.field if self.score else None))
        uses += [(f"filters.{number}", rule.field) for number, rule in enumerate(self.filters)]
        uses += [(f"text.{name}", field) for name, field in self.text]
        uses.append(("region", self.region))
        if self.video is not None:
            created = self.video.created.field if self.video.created else None
            uses += [("video.created", created)]
            uses += [
                (f"video.{name}", getattr(self.video, name))
                for name in ("id", "creator", "caption", "duration", "sound")
            ]
        return [(use, field) for use, field in uses if field]
