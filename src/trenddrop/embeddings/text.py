"""What of a trend and of a video is embedded.

Both sides go through the same cleaning, because both are compared with the same model.
"""

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence

import regex

MAX_CAPTIONS = 8
HASHTAG_NAME = r"[\p{L}\p{M}\p{N}_\u200c\u200d]+"
HASHTAG = regex.compile(rf"[#＃]({HASHTAG_NAME})")
LINK = regex.compile(r"(?:https?://|www\.)\S+", regex.IGNORECASE)
MENTION = regex.compile(r"(?<![\p{L}\p{N}_])@[\p{L}\p{N}_.]+")
_WORD_START = regex.compile(
    r"(?<=[\p{Ll}\p{N}])(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})|(?<=\p{L})(?=\p{N})|(?<=\p{N})(?=\p{L})"
)
_SPACE = regex.compile(r"[\s_\u200b\u2060\ufeff]+")


def split_words(tag: str) -> str:
    """Return the words of a hashtag, split at case changes, digits and underscores.

    >>> split_words("#SmallBusinessTips2026")
    'small business tips 2026'
    >>> split_words("climate_change")
    'climate change'
    """
    name = unicodedata.normalize("NFKC", tag).strip().lstrip("#")
    return " ".join(_SPACE.sub(" ", _WORD_START.sub(" ", name)).casefold().split())


def plain_text(text: str | None) -> str:
    """Return the text in NFKC without links and mentions, its hashtags as words, and single spaces.

    >>> plain_text("Look!  @me https://x.y #BookTok")
    'Look! book tok'
    """
    if not text:
        return ""
    text = unicodedata.normalize("NFKC", text)
    text = MENTION.sub(" ", LINK.sub(" ", text))
    text = HASHTAG.sub(lambda match: f" {split_words(match[1])} ", text)
    return str(_SPACE.sub(" ", text).strip())


def trend_parts(
    title: str, *, tags: Sequence[str] = (), captions: Sequence[str] = (), headline: str | None = None
) -> list[str]:
    """Return what is embedded of a trend: its words with its headline, then each of up to 8 example captions.

    >>> trend_parts("#BookTok", tags=["booktok"], headline="Readers share books", captions=["My shelf", "My shelf"])
    ['book tok. booktok. Readers share books', 'My shelf']
    """
    name = joined([*map(split_words, (title, *tags)), plain_text(headline)])
    examples = dict.fromkeys(filter(None, map(plain_text, captions[:MAX_CAPTIONS])))
    return [name, *examples]


def trend_text(
    title: str, *, tags: Sequence[str] = (), captions: Sequence[str] = (), headline: str | None = None
) -> str:
    """Return all parts of a trend as one text; its vector changes when this does.

    >>> trend_text("#BookTok", headline="Readers share books", captions=["My shelf"])
    'book tok. Readers share books. My shelf'
    """
    return joined(trend_parts(title, tags=tags, captions=captions, headline=headline))


def video_text(
    *,
    transcript: str | None = None,
    summary: str | None = None,
    caption: str | None = None,
    hashtags: Sequence[str] = (),
) -> str:
    """Return what is embedded of a video: caption, hashtags, summary, then the transcript.

    >>> video_text(caption="Morning run #fitness", transcript="Today we run.")
    'Morning run fitness. Today we run.'
    """
    return joined([plain_text(caption), *map(split_words, hashtags), *map(plain_text, (summary, transcript))])


def joined(parts: Iterable[str]) -> str:
    """Return the parts, without empty and repeated ones, joined as sentences."""
    unique = dict.fromkeys(part for part in parts if part)
    return ". ".join(unique)


def text_hash(text: str, *, model: str) -> str:
    """Return 32 hexadecimal characters that change when the text or the model does.

    >>> text_hash("a", model="m") != text_hash("a", model="n")
    True
    """
    return hashlib.sha256(f"{model}\x1f{text}".encode("utf-8", "replace")).hexdigest()[:32]
