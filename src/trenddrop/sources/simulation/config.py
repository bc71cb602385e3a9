"""What the simulated world is made of; read from ``configs/simulation.yaml``."""

from datetime import UTC, date, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from trenddrop.core.errors import ConfigError
from trenddrop.core.ids import normalized_name
from trenddrop.core.settings import Config, find_config, parse_config, read_yaml

Text = Annotated[str, Field(min_length=1, max_length=500)]
Rate = Annotated[float, Field(ge=0, le=0.5)]


class Theme(Config):
    """The words of one subject; a caption is an opening, a word and a detail."""

    words: tuple[Text, ...] = Field(min_length=1)
    openings: tuple[Text, ...] = Field(min_length=1)
    details: tuple[Text, ...] = Field(min_length=1)


class SampleVideo(Config):
    """A user's own video, to be matched to trends."""

    video_id: Text
    transcript: Annotated[str, Field(min_length=1)]
    summary: str
    caption: str
    language: str = "en"


class SimulationConfig(Config):
    """One simulated world. The same values always give byte-identical files.

    ``video_ages_h`` are the ages, in whole hours, at which a video is fetched. Rates are shares of the
    records (``late_rate``, ``duplicate_rate``, ``malformed_rate``) or of the hashtag hours (``gap_rate``,
    ``reset_rate``, and the three shock rates).
    """

    seed: int = Field(default=7, ge=0)
    start: date = date(2026, 1, 5)
    days: int = Field(default=14, ge=1, le=3660)
    hashtags: int = Field(default=250, ge=1)
    creators: int = Field(default=4000, ge=1)
    sounds: int = Field(default=600, ge=1)
    videos_per_day: int = Field(default=800, ge=0)
    video_ages_h: tuple[Annotated[int, Field(ge=1, le=240)], ...] = (1, 4, 12, 36)
    gap_rate: Rate = 0.02
    outages_per_week: float = Field(default=2.0, ge=0, le=50)
    reset_rate: Rate = 0.0004
    late_rate: Rate = 0.01
    duplicate_rate: Rate = 0.01
    malformed_rate: Rate = 0.0
    organic_rate: Rate = Field(default=0.006, description="waves that grow by themselves, per hashtag hour")
    news_rate: Rate = Field(default=0.005, description="jumps from outside that fade, per hashtag hour")
    push_rate: Rate = Field(default=0.003, description="bursts by a handful of creators, per hashtag hour")
    suffixes: tuple[str, ...] = ("",)
    generic_tags: tuple[Text, ...] = ("fyp",)
    closings: tuple[Text, ...] = ("wait for it",)
    regions: dict[str, Annotated[float, Field(gt=0)]] = {"US": 1.0}
    first_names: tuple[Text, ...] = ("mila",)
    song_words: tuple[Text, ...] = ("golden",)
    song_nouns: tuple[Text, ...] = ("sky",)
    artists: tuple[Text, ...] = ("Lumen",)
    themes: dict[str, Theme] = Field(min_length=1)
    samples: tuple[SampleVideo, ...] = ()

    @model_validator(mode="after")
    def _words_are_unique(self) -> "SimulationConfig":
        words = [normalized_name(word) for word in chain(*(theme.words for theme in self.themes.values()))]
        if repeated := sorted({word for word in words if words.count(word) > 1}):
            raise ValueError(f"a word belongs to one theme only, but these repeat: {repeated}")
        if any(not value for value in (self.suffixes, self.generic_tags, self.closings, self.regions)):
            raise ValueError("suffixes, generic_tags, closings and regions must not be empty")
        if len(set(self.video_ages_h)) != len(self.video_ages_h):
            raise ValueError("video_ages_h must not repeat an age")
        return self

    @property
    def starts_at(self) -> datetime:
        """Return the instant at which the first hour begins."""
        return datetime(self.start.year, self.start.month, self.start.day, tzinfo=UTC)

    def dates(self) -> tuple[date, ...]:
        """Return every simulated day."""
        return tuple(self.start + timedelta(days=day) for day in range(self.days))

    def scaled(self, records_per_day: int) -> "SimulationConfig":
        """Return the same world with about this many records a day; one in twenty is a hashtag record.

        >>> theme = Theme(words=("ramen",), openings=("Making",), details=("at home",))
        >>> SimulationConfig(themes={"cooking": theme}).scaled(10_000_000).hashtags
        20833
        """
        if records_per_day < 1:
            raise ConfigError(f"records a day: {records_per_day}; give at least 1")
        hashtags = max(1, records_per_day // (20 * 24))
        videos = round((records_per_day - 24 * hashtags) / max(len(self.video_ages_h), 1))
        size = {"creators": max(500, videos // 5), "sounds": max(200, videos // 50)}
        return self.model_copy(update={"hashtags": hashtags, "videos_per_day": max(videos, 0)} | size)


def load_simulation(path: Path | None = None, *, extra: Path | None = None) -> SimulationConfig:
    """Read a simulation file: the path, or ``simulation.yaml`` of the ``extra`` or built-in configs."""
    found = path or find_config(".", "simulation", extra=extra)
    return parse_config(SimulationConfig, read_yaml(found), origin=str(found))
