from datetime import date
from time import perf_counter

import pytest
import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trenddrop.metadata.limits import Limit, fits
from trenddrop.metadata.text import clean, cut, sentences

ANY_TEXT = st.text(st.characters())  # surrogates included
ZALGO = st.builds(lambda base, marks: base + "\u0301" * marks, st.characters(), st.integers(0, 30))
EMOJI = st.sampled_from(["👨‍👩‍👧", "👍🏽", "🇻🇳", "é", "क्षि", "각", "\r\n", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"])
CLUSTERS = st.lists(st.one_of(ZALGO, EMOJI, st.characters()), max_size=40).map("".join)


def limit(unit, most):
    return Limit(unit=unit, most=most, source="test", checked=date(2026, 1, 1))


@given(CLUSTERS, st.sampled_from(["code_points", "utf16_units", "utf8_bytes"]), st.integers(1, 40))
@settings(deadline=None, max_examples=200)
def test_a_cut_text_fits_and_ends_between_graphemes(text, unit, most):
    limits = [limit(unit, most)]
    result = cut(text, limits)
    assert fits(result, limits)
    if result and result != text:
        kept = result.removesuffix("…")
        boundaries = {0, *(found.end() for found in regex.finditer(r"\X", text))}
        assert text.startswith(kept)
        assert len(kept) in boundaries


@given(ANY_TEXT, st.integers(1, 40))
@settings(deadline=None, max_examples=200)
def test_nothing_is_cut_that_fits(text, most):
    limits = [limit("utf16_units", most)]
    assert (cut(text, limits) == text) == fits(text, limits)


def test_a_cut_prefers_the_end_of_a_word():
    assert cut("the quick brown fox", [limit("code_points", 13)]) == "the quick…"


def test_a_cut_of_text_without_spaces_takes_what_fits():
    assert cut("今天天气很好我们出去玩", [limit("code_points", 5)]) == "今天天气…"


@given(ANY_TEXT)
@example("@\x1f0")  # without the invisible, a mention
@example("@#me")
@example("e\u200b\u0301")
@settings(deadline=None, max_examples=300)
def test_clean_text_has_no_hashtags_links_or_invisible_characters(text):
    result = clean(text, forbidden="<>")
    assert not regex.search(r"[#＃][\p{L}\p{M}\p{N}_]", result)
    assert not regex.search(r"[<>\p{Cc}\p{Cs}\u202e]", result)
    assert result == result.strip()
    assert clean(result, forbidden="<>") == result
    result.encode("utf-8")


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b\u2060\ufeff", "\u3164\u2800", "\u0301\u0301", "\x00\x07"])
def test_what_cannot_be_seen_is_empty(text):
    assert clean(text) == ""


def test_only_hashtags_become_their_words():
    assert clean("#sunset #beach") == "sunset beach"


def test_a_hashtag_with_vowel_signs_is_one_hashtag():
    assert clean("देखो #हिन्दी") == "देखो"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#" * 20_000 + "a", "a"),
        ("#＃" * 10_000, "#" * 20_000),
        ("tea " + "#" * 20_000 + "a", "tea"),
        ("#a" * 20_000 + "!", "a" * 20_000 + "!"),
    ],
)
def test_the_time_to_clean_grows_with_the_hashtag_signs_and_not_their_square(text, expected):
    start = perf_counter()
    assert clean(text) == expected
    assert perf_counter() - start < 3  # it takes 0.02 s; each sign with a pass of its own takes 46 s


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("今天很好。明天见！", ["今天很好。", "明天见！"]),
        ("यह पहला है। यह दूसरा है।", ["यह पहला है।", "यह दूसरा है।"]),
        ("line one\nline two", ["line one", "line two"]),
        ("Dr. Who vs. Mr. X. End", ["Dr. Who vs. Mr. X. End"]),
        ("It costs 3.50 now.", ["It costs 3.50 now."]),
        ('He said "stop." Then left.', ['He said "stop."', "Then left."]),
        (" ", []),
    ],
)
def test_sentences(text, expected):
    assert sentences(text) == expected


@given(st.text())
@settings(deadline=None, max_examples=200)
def test_sentences_lose_no_visible_character(text):
    joined = "".join("".join(sentences(text)).split())
    assert joined == "".join(text.split())


def test_speech_without_punctuation_is_cut_into_readable_pieces():
    pieces = sentences("word " * 400)
    assert len(pieces) > 5
    assert max(map(len, pieces)) <= 240
