"""The video that trends are matched to and metadata is written for."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from trenddrop.core.ids import content_id
from trenddrop.core.settings import Config
from trenddrop.embeddings import video_text

MAX_TEXT = 100_000  # characters; a transcript of several hours


def without_lone_surrogates(value: object) -> object:
    """Return text that has a UTF-8 form; halves of a surrogate pair, which JSON can hold, become U+FFFD."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return value


Text = Annotated[str, BeforeValidator(without_lone_surrogates), Field(max_length=MAX_TEXT)]
Tag = Annotated[str, BeforeValidator(without_lone_surrogates), Field(max_length=500)]


class Video(Config):
    """One short video in words, as an app knows it before publication."""

    video_id: str = Field(default="", max_length=200, description="made from the content when empty")
    transcript: Text = ""
    summary: Text = ""
    caption: Text = ""
    language: str | None = Field(default=None, max_length=35, description="a BCP 47 tag such as en or pt-BR")
    duration_seconds: float | None = Field(default=None, ge=0)
    hashtags: tuple[Tag, ...] = Field(default=(), max_length=200)

    @property
    def identity(self) -> str:
        """The id that was given, or one that depends on the content alone."""
        if self.video_id:
            return self.video_id
        return content_id("video", self.transcript, self.summary, self.caption, *self.hashtags)

    def text(self) -> str:
        """Return what is embedded of the video."""
        return video_text(
            transcript=self.transcript,
            summary=self.summary,
            caption=self.caption,
            hashtags=self.hashtags,
        )
