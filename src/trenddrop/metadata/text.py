"""Cleaning, cutting and splitting of text in any script."""

import unicodedata
from collections.abc import Sequence
from itertools import accumulate

import regex

from trenddrop.embeddings.text import HASHTAG_NAME, LINK, MENTION
from trenddrop.metadata.limits import Limit, fits

ELLIPSIS = "…"
LONGEST_SENTENCE = 240  # code points; speech without punctuation is cut near this
_GRAPHEME = regex.compile(r"\X")
_HASHTAG = regex.compile(rf"(?<![#＃])[#＃]++({HASHTAG_NAME})")  # a run of signs at once, else its length is squared
_TRAILING_HASHTAGS = regex.compile(rf"(?r)(?:\s*[#＃]+{HASHTAG_NAME})+\s*$")  # read from the end, else as slow
_INVISIBLE = regex.compile(
    r"[\p{Cc}\p{Co}\p{Cs}\p{Cn}\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\u115f\u1160\u3164\uffa0\u2800]"
)
_OPEN_PUNCTUATION = frozenset(",;:-–—、，；：")
_SPACE = regex.compile(r"[\s\p{Z}]+")
_VISIBLE = regex.compile(r"[\p{L}\p{N}\p{P}\p{S}]")
_WORDS = regex.compile(r"[\p{L}\p{N}]")
_END = regex.compile(
    r"(?<=[.!?…][\"'”’»)\]]?)\s+|(?<=[。！？｡；][”’」』）]?)\s*|(?<=[।॥؟۔။។])\s*|\s*\n+\s*"
)  # fmt: skip
_ABBREVIATION = regex.compile(r"(?:^|\W)(?:mr|mrs|ms|dr|st|vs|prof|jr|sr|etc|approx|[\p{L}])\.$", regex.IGNORECASE)
_PAUSE = regex.compile(r"(?<=[,;:،、，；：])\s*|\s+")


def clean(text: str, *, forbidden: str = "") -> str:
    """Return one line of NFC text that can be shown: no links, mentions, hashtag signs or invisible characters.

    Hashtags at the end go, hashtags within a sentence stay as words. A text of which nothing can be seen is "".

    >>> clean("Best  #pasta ever @me\u202e https://x.y #food #fyp")
    'Best pasta ever'
    """
    while (cleaned := _cleaned(text, forbidden)) != text:  # what goes may leave a mention or a link behind: "@#me"
        text = cleaned
    return text


def _cleaned(text: str, forbidden: str) -> str:
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    text = text.translate(dict.fromkeys(map(ord, forbidden)))
    text = unicodedata.normalize("NFC", _INVISIBLE.sub("", _SPACE.sub(" ", text)))
    text = MENTION.sub(" ", LINK.sub(" ", text))
    without = _TRAILING_HASHTAGS.sub("", text)
    text = _HASHTAG.sub(r"\1", without if _WORDS.search(without) else text)
    text = _SPACE.sub(" ", text.replace("＃", "#")).strip()
    return text if _VISIBLE.search(text) else ""


def sentences(text: str) -> list[str]:
    """Return the sentences of a text in any script; very long ones are cut at a pause.

    >>> sentences("Dr. Lee cooks. It costs 3.50! 今天很好。明天见")
    ['Dr. Lee cooks.', 'It costs 3.50!', '今天很好。', '明天见']
    """
    whole: list[str] = []
    for part in _END.split(text):
        if not part or not part.strip():
            continue
        if whole and _ABBREVIATION.search(whole[-1]):
            whole[-1] = f"{whole[-1]} {part.strip()}"
        else:
            whole.append(part.strip())
    return [piece for sentence in whole for piece in _pieces(sentence)]


def joined_sentences(parts: Sequence[str]) -> str:
    """Return the sentences as one text, with a space between them where their script puts one.

    >>> joined_sentences(["One.", "Two.", "今天很好。", "明天见。"])
    'One. Two. 今天很好。明天见。'
    """
    spaced = (part if part.endswith(("。", "！", "？", "；")) else f"{part} " for part in parts)
    return "".join(spaced).strip()


def _pieces(sentence: str) -> list[str]:
    if len(sentence) <= LONGEST_SENTENCE:
        return [sentence]
    pieces: list[str] = []
    current = ""
    for part in _split_keeping(sentence):
        if current and len(current) + len(part) > LONGEST_SENTENCE:
            pieces.append(current.strip())
            current = ""
        current += part
    return [piece for piece in (*pieces, current.strip()) if piece]


def _split_keeping(sentence: str) -> list[str]:
    """Return the parts between pauses, each with the pause that ends it."""
    starts = [0, *(match.end() for match in _PAUSE.finditer(sentence) if match.end()), len(sentence)]
    return [sentence[a:b] for a, b in zip(starts, starts[1:], strict=False) if a < b]


def cut(text: str, limits: Sequence[Limit]) -> str:
    """Return the text, or its longest beginning within the limits, ended by "…".

    It ends at a word where one ends in the last third, and never inside a grapheme cluster (UAX #29).
    Where not even one cluster fits the result is "".

    >>> from datetime import date
    >>> cut("one two three", [Limit(unit="code_points", most=9, source="house", checked=date(2026, 1, 1))])
    'one two…'
    """
    if fits(text, limits):
        return text
    clusters = _GRAPHEME.findall(text)
    ends = [0, *accumulate(map(len, clusters))]
    low, high = 0, len(clusters)  # the longest fitting prefix, by bisection: longer texts never measure less
    while low < high:
        middle = (low + high + 1) // 2
        if fits(text[: ends[middle]] + ELLIPSIS, limits):
            low = middle
        else:
            high = middle - 1
    if low == len(clusters) or not clusters[low].isspace():
        word_end = max((row for row in range(low) if clusters[row].isspace()), default=0)
        low = word_end if word_end * 3 >= low * 2 and word_end > 0 else low
    tidy = low
    while tidy and (clusters[tidy - 1].isspace() or clusters[tidy - 1] in _OPEN_PUNCTUATION):
        tidy -= 1
    kept = text[: ends[tidy or low]]
    return kept + ELLIPSIS if kept.strip() else ""
