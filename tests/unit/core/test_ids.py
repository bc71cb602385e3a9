from hypothesis import given
from hypothesis import strategies as st

from trenddrop.core.ids import content_id, hashtag_id, keyed_hash, normalized_name


@given(st.text())
def test_normalizing_twice_is_normalizing_once(name):
    once = normalized_name(name)
    assert normalized_name(once) == once


@given(st.lists(st.text(), min_size=1, max_size=4), st.lists(st.text(), min_size=1, max_size=4))
def test_parts_do_not_run_together(a, b):
    separated = all("\x1f" not in part for part in [*a, *b])
    if a != b and separated:
        assert content_id(*a) != content_id(*b)


def test_names_that_look_alike_are_one_hashtag():
    assert hashtag_id("tiktok", "#ＦＹＰ") == hashtag_id("tiktok", "fyp") == "tiktok:fyp"


def test_a_name_cannot_be_told_from_its_keyed_hash_without_the_key():
    assert keyed_hash("alice", key="a") != keyed_hash("alice", key="b")
    assert keyed_hash("alice", key="a") == keyed_hash("alice", key="a")
