import pytest

from trenddrop.embeddings.text import (
    MAX_CAPTIONS,
    plain_text,
    split_words,
    text_hash,
    trend_parts,
    trend_text,
    video_text,
)


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ("#HTMLParser", "html parser"),
        ("iPhone15Pro", "i phone 15 pro"),
        ("xuHướng", "xu hướng"),
        ("ＢｏｏｋＴｏｋ", "book tok"),
        ("高考2024", "高考 2024"),
        ("हिन्दी", "हिन्दी"),
        ("", ""),
    ],
)
def test_split_words(tag, words):
    assert split_words(tag) == words


def test_links_and_mentions_go_and_hashtags_become_words():
    assert plain_text("See www.a.b @you.me #MyDay\n a@b.c") == "See my day a@b.c"
    assert plain_text(None) == ""


def test_a_hashtag_with_combining_marks_is_one_word():
    assert plain_text("#हिन्दी") == "हिन्दी"


def test_a_trend_is_its_words_then_its_examples():
    parts = trend_parts("run", captions=[f"caption {n}" for n in range(20)], headline=None)
    assert parts[0] == "run"
    assert len(parts) == 1 + MAX_CAPTIONS
    assert trend_text("run", captions=["", "  "]) == "run"


def test_a_video_puts_the_caption_before_the_transcript():
    assert video_text(transcript="long", summary="short", caption="hook") == "hook. short. long"
    assert video_text() == ""


def test_the_hash_depends_on_text_and_model():
    assert text_hash("a", model="m") == text_hash("a", model="m")
    assert len({text_hash("a", model="m"), text_hash("b", model="m"), text_hash("a", model="n")}) == 3
    assert text_hash("\ud800", model="m")
