"""What the endpoint needs of the service behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from trenddrop.core.errors import NotFoundError
from trenddrop.matching import Match, Video
from trenddrop.metadata import Generation


class UnknownNameError(NotFoundError):
    """A thing that the question names does not exist."""


@dataclass(frozen=True, slots=True)
class HashtagScore:
    """What is known of one hashtag's future."""

    hashtag_id: str
    probabilities: Mapping[str, float | None]  # probability_6h, ...
    reasons: Sequence[Mapping[str, Any]]  # the strongest first
    feature_timestamp: datetime | None  # the hour that the features describe
    model_name: str
    model_version: str
    intervals: Mapping[str, float | None] = field(default_factory=dict)  # low_6h, high_6h, ...
    peak: Mapping[str, float | None] = field(default_factory=dict)  # hours_to_peak_low, hours_to_peak, ...


@dataclass(frozen=True, slots=True)
class Trend:
    """One hashtag among the likeliest."""

    score: HashtagScore
    platform: str
    title: str
    trend_type: str


class ScoringService(Protocol):
    """Answers the endpoint's questions.

    Its errors are the project's own: InputError where the question is wrong, UnknownNameError where it names what does
    not exist, NotReadyError where there is no model, no prediction or no index yet. All others are faults of the
    server, also those that the operator of a command could mend. Methods are called from several threads at once.
    """

    def warm_up(self) -> None:
        """Load models and tables before the first question."""
        ...

    def close(self) -> None:
        """Write what is still in memory; called once, after the last question."""
        ...

    def score(self, hashtag_ids: Sequence[str]) -> Mapping[str, HashtagScore]:
        """Return the scores of those hashtags that are known."""
        ...

    def top_trends(self, *, platform: str | None, horizon_hours: int, limit: int) -> Sequence[Trend]:
        """Return the hashtags that are likeliest to go viral within the horizon, the likeliest first."""
        ...

    def match(self, video: Video, *, platform: str | None) -> Sequence[Match]:
        """Return the trends that fit a video, the best first."""
        ...

    def generate(self, video: Video, platforms: Sequence[str], *, agent: str) -> Sequence[Generation]:
        """Write a video's metadata for each platform and log it."""
        ...
