"""What goes over the wire; the OpenAPI document is made from these."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from trenddrop.core.ids import hashtag_id
from trenddrop.matching import Video
from trenddrop.matching.video import without_lone_surrogates

MAX_HASHTAGS = 500
MAX_PLATFORMS = 10


def whole_number(value: object) -> object:
    """Return the number that a query string writes; anything else stays as it is."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


Horizon = Annotated[Literal[6, 12, 24, 48], BeforeValidator(whole_number)]
Name = Annotated[str, BeforeValidator(without_lone_surrogates), Field(min_length=1, max_length=500)]
Platform = Annotated[
    str, Field(min_length=1, max_length=50, pattern="^[a-z0-9_]+$", examples=["tiktok", "youtube", "instagram"])
]


class Message(BaseModel):
    """A document that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ScoreRequest(Message):
    """Hashtags by name on one platform, or by id."""

    hashtags: list[Name] = Field(default_factory=list, max_length=MAX_HASHTAGS, examples=[["#booktok", "pasta"]])
    platform: Platform | None = Field(default=None, description="of the hashtags that are given by name")
    hashtag_ids: list[Name] = Field(default_factory=list, max_length=MAX_HASHTAGS, examples=[["tiktok:booktok"]])

    @model_validator(mode="after")
    def _something_to_score(self) -> Self:
        if not self.hashtags and not self.hashtag_ids:
            raise ValueError("give hashtags with a platform, or hashtag_ids")
        if self.hashtags and self.platform is None:
            raise ValueError("hashtags need a platform")
        return self

    def ids(self) -> list[tuple[str, str]]:
        """Return each hashtag as it was asked for with its id, names first, in their order."""
        named = [(name, hashtag_id(self.platform or "", name)) for name in self.hashtags]
        return named + [(item, item) for item in self.hashtag_ids]


class Probabilities(Message):
    """The probability to go viral within so many hours; null where the model does not say."""

    h6: float | None = Field(default=None, alias="6h", ge=0, le=1)
    h12: float | None = Field(default=None, alias="12h", ge=0, le=1)
    h24: float | None = Field(default=None, alias="24h", ge=0, le=1)
    h48: float | None = Field(default=None, alias="48h", ge=0, le=1)

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, serialize_by_alias=True)


class Interval(Message):
    """Where, on nine days of ten, the share of topics scored alike lies that do go viral."""

    low: float = Field(ge=0, le=1)
    high: float = Field(ge=0, le=1)


class Intervals(Message):
    """The interval of each probability; null where too few days are known to give one."""

    h6: Interval | None = Field(default=None, alias="6h")
    h12: Interval | None = Field(default=None, alias="12h")
    h24: Interval | None = Field(default=None, alias="24h")
    h48: Interval | None = Field(default=None, alias="48h")

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, serialize_by_alias=True)


class Quantiles(Message):
    """The middle expectation, and the band that holds the outcome four times in five."""

    low: float = Field(ge=0)
    median: float = Field(ge=0)
    high: float = Field(ge=0)


class Peak(Message):
    """The greatest hour within the model's widest horizon; null where the source does not count views."""

    hours: Quantiles | None = Field(default=None, description="from the features' hour on")
    views: Quantiles | None = Field(default=None, description="of that hour")


class ScoredItem(Message):
    """One hashtag that was asked for: its score, or that it is unknown."""

    hashtag: str = Field(description="as it was asked for")
    hashtag_id: str
    status: Literal["scored", "unknown"]
    detail: str | None = Field(default=None, description="why there is no score")
    probabilities: Probabilities | None = None
    intervals: Intervals | None = None
    peak: Peak | None = None
    reasons: list[dict[str, Any]] = Field(default_factory=list, description="the strongest first")
    feature_timestamp: datetime | None = None
    model_name: str | None = None
    model_version: str | None = None


class ScoreResponse(Message):
    """One item per hashtag asked for, in that order."""

    items: list[ScoredItem]


class TrendItem(Message):
    """One hashtag among the likeliest."""

    rank: int
    hashtag_id: str
    platform: str
    title: str
    trend_type: str
    probabilities: Probabilities
    intervals: Intervals
    peak: Peak
    reasons: list[dict[str, Any]]
    feature_timestamp: datetime | None
    model_name: str
    model_version: str


class TrendsResponse(Message):
    """The likeliest hashtags within the horizon, the likeliest first."""

    platform: str | None
    horizon_hours: int
    trends: list[TrendItem]


class MatchRequest(Message):
    """A video in words, and the platform whose trends are wanted."""

    video: Video
    platform: Platform | None = Field(default=None, description="only trends of this platform")


class MatchItem(Message):
    """One trend that fits the video."""

    rank: int
    trend_id: str
    title: str
    platform: str
    hashtag_id: str | None
    similarity: float
    probabilities: Probabilities
    rank_score: float


class MatchResponse(Message):
    """The trends that fit the video, the best first."""

    video_id: str
    matches: list[MatchItem]


class MetadataRequest(Message):
    """A video in words, and the platforms to write for."""

    video: Video
    platforms: list[Platform] = Field(min_length=1, max_length=MAX_PLATFORMS)
    agent: Annotated[str, Field(max_length=50, pattern="^[a-z0-9_-]+$")] = "default"


class MetadataItem(Message):
    """What was written for one platform."""

    platform: str
    title: str
    description: str
    hashtags: list[str]
    cta: str
    post: str = Field(description="the text as it is published")
    trend_ids: list[str]
    generation_id: str
    platform_metadata_id: str = Field(description="names this text when feedback is given")
    quality_score: float
    originality_score: float | None


class MetadataResponse(Message):
    """One item per platform."""

    video_id: str
    metadata: list[MetadataItem]


class Health(Message):
    """The process answers."""

    status: Literal["ok"]
    version: str


class Problem(BaseModel):
    """An error as RFC 9457 describes it."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[dict[str, Any]] | None = Field(default=None, description="what is wrong where in the request")
