import numpy as np
import pytest

from trenddrop.matching import Video, load_matching
from trenddrop.metadata.hashtags import Candidate, as_hashtag, candidates, draw, portfolio


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("BookTok", "#BookTok"),
        ("#booktok", "#booktok"),
        ("climate summit 2026", "#climatesummit2026"),
        ("xuhướng", "#xuhướng"),
        ("हिन्दी", "#हिन्दी"),
        ("高考", "#高考"),
        ("", None),
        ("#", None),
        ("2026", None),
        ("rock&roll", None),
        ("one two three four", None),
    ],
)
def test_as_hashtag(name, expected):
    assert as_hashtag(name) == expected


def test_the_wanted_platform_comes_first_and_generic_tags_never(make_match):
    matches = [
        make_match("booktok", platform="weibo"),
        make_match("BookTok", rank=2, platform="tiktok"),
        make_match("fyp", rank=3),
    ]
    found = candidates(Video(hashtags=("viral", "reading")), matches, "tiktok", load_matching())
    assert [item.hashtag for item in found] == ["#BookTok", "#reading"]
    assert [item.trend_id for item in found] == ["trend-BookTok", None]


def choose(tags, toy_setup, *, about, **changes):
    agent = toy_setup.agent.model_copy(update={"min_relevance": -1.0} | changes)
    center = toy_setup.embedder.encode([about])[0]
    limits = toy_setup.platforms["tiktok"].hashtags
    return portfolio(tags, center, limits, agent, embedder=toy_setup.embedder, rng=None)


def test_a_trend_is_as_relevant_as_its_match_says(toy_setup):
    tags = [Candidate("#gardening", None, 0.5), Candidate("#qqq", "t", 0.5, similarity=0.99)]
    chosen = choose(tags, toy_setup, about="garden tools", relevance_weight=1.0)
    assert chosen[0].hashtag == "#qqq"
    assert chosen[0].relevance == 0.99


def test_of_equally_relevant_tags_the_likelier_comes_first(toy_setup):
    tags = [Candidate("#gardening", None, 0.2), Candidate("#gardenings", "t", 0.9)]
    chosen = choose(tags, toy_setup, about="gardening", relevance_weight=1.0)
    assert [item.hashtag for item in chosen] == ["#gardenings", "#gardening"]


def test_diversity_prefers_another_thought_to_the_same_again(toy_setup):
    tags = [Candidate(f"#gardening{end}", None, 0.5) for end in ("", "s")] + [Candidate("#tulip", None, 0.5)]
    chosen = choose(tags, toy_setup, about="gardening tulip", relevance_weight=0.3)
    assert chosen[1].hashtag == "#tulip"


def test_tags_that_are_too_long_are_dropped_whole(toy_setup):
    tags = [Candidate("#" + "a" * 200, None, 0.9), Candidate("#short", None, 0.1)]
    assert [item.hashtag for item in choose(tags, toy_setup, about="short")] == ["#short"]


def test_at_most_as_many_as_the_platform_takes(toy_setup):
    tags = [Candidate(f"#tag{letter}", None, 0.5) for letter in "abcdefgh"]
    assert len(choose(tags, toy_setup, about="tag")) == 5


def test_irrelevant_tags_are_not_proposed(toy_setup):
    assert choose([Candidate("#zzz", None, 0.9)], toy_setup, about="gardening", min_relevance=0.5) == []


def test_draws_follow_their_recorded_propensities():
    rng = np.random.default_rng(7)
    scores = np.array([0.0, 0.5, -np.inf])
    rows = [draw(scores, temperature=0.5, rng=rng) for _ in range(4000)]
    share = np.mean([row == 1 for row, _ in rows])
    propensity = next(probability for row, probability in rows if row == 1)
    assert share == pytest.approx(propensity, abs=0.03)
    assert all(row != 2 for row, _ in rows)
