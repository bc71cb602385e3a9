import json
from dataclasses import replace

import numpy as np
import pytest
import regex
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trenddrop.core.errors import ConfigError, NotFoundError
from trenddrop.matching import Video
from trenddrop.metadata import Reference, draws, generate
from trenddrop.metadata.text import clean

PLATFORMS = ("tiktok", "youtube", "instagram")
COOKING = Video(
    video_id="v1",
    transcript=(
        "Hello everyone. Today I cook a quick tomato pasta with basil. First boil the spaghetti in salted water. "
        "Fry garlic in olive oil and add the tomatoes. My neighbour bought a blue car. "
        "Toss the pasta with the sauce and serve it with parmesan."
    ),
    caption="Ten minute tomato pasta for busy evenings #pasta #fyp",
    language="en",
    hashtags=("pasta", "fyp"),
)

ANY_TEXT = st.text(st.characters(), max_size=300)  # surrogates included
LONG_TEXT = st.builds(lambda text, times: text * times, st.text(st.characters(), max_size=30), st.integers(1, 300))
VIDEOS = st.builds(
    Video,
    transcript=st.one_of(ANY_TEXT, LONG_TEXT),
    summary=ANY_TEXT,
    caption=st.one_of(ANY_TEXT, LONG_TEXT),
    language=st.sampled_from([None, "en", "vi-VN", "zh"]),
    hashtags=st.lists(st.text(st.characters(), max_size=120), max_size=8).map(tuple),
)


@given(video=VIDEOS, titles=st.lists(st.text(st.characters(), max_size=120), max_size=8))
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_limits_hold_for_any_text(video, titles, toy_setup, clock, make_match):
    matches = [make_match(title, rank=rank) for rank, title in enumerate(titles, start=1)]
    for item in generate(video, matches, PLATFORMS, toy_setup, clock=clock):
        limits = toy_setup.platforms[item.metadata.platform]
        written = item.metadata
        assert limits.title.fits(written.title)
        assert clean(written.title)
        assert limits.description.fits(written.description)
        assert clean(written.description)
        assert limits.cta.fits(written.cta)
        assert clean(written.cta)
        assert limits.post.fits(item.post)
        assert len(written.hashtags) <= limits.hashtags.most
        assert len({tag.casefold() for tag in written.hashtags}) == len(written.hashtags)
        for tag in written.hashtags:
            assert regex.fullmatch(r"#[\p{L}\p{M}\p{N}_\u200c\u200d]+", tag)
            assert tag in item.post
        found = set(regex.findall(r"[#＃][\p{L}\p{M}\p{N}_\u200c\u200d]+", item.post))
        assert found == set(written.hashtags)  # none was cut, none came in by the text
        assert not set(limits.forbidden) & set(written.title + written.description)
        item.post.encode("utf-8")


def test_a_video_becomes_metadata_for_each_platform(setup, clock, make_match):
    matches = [make_match("pastatok", lift=0.9), make_match("carrepair", rank=2, lift=0.9, similarity=0.1)]
    result = {item.metadata.platform: item for item in generate(COOKING, matches, PLATFORMS, setup, clock=clock)}
    assert set(result) == set(PLATFORMS)
    tiktok = result["tiktok"].metadata
    assert tiktok.title == "Ten minute tomato pasta for busy evenings"
    assert "#pastatok" in tiktok.hashtags
    assert "#pasta" in tiktok.hashtags
    assert "#fyp" not in tiktok.hashtags
    assert "#carrepair" not in tiktok.hashtags  # far from the video, however likely
    assert tiktok.trend_ids == ("trend-pastatok",)
    assert "tomato" in tiktok.description
    assert "blue car" not in tiktok.description
    assert tiktok.cta in result["tiktok"].post
    assert 0.5 < result["tiktok"].quality_score <= 1


def test_every_generation_says_what_it_cost(setup, clock):
    (item,) = generate(COOKING, [], ["youtube"], setup, clock=clock)
    assert (item.model, item.cost, item.input_tokens, item.output_tokens) == ("extractive", 0.0, 0, 0)
    assert item.duration_ms == 5.0
    assert item.originality_score is None
    assert json.loads(json.dumps(item.inputs))["video"]["video_id"] == "v1"
    assert set(item.propensities["hashtags"].values()) == {1.0}


def test_repeating_what_was_written_for_another_video_is_not_original(setup, clock):
    (first,) = generate(COOKING, [], ["tiktok"], setup, clock=clock)
    earlier = Reference("v0", first.metadata.text())
    (repeated,) = generate(COOKING, [], ["tiktok"], replace(setup, references=(earlier,)), clock=clock)
    assert repeated.originality_score == 0.0
    own = Reference("v1", earlier.text)
    (again,) = generate(COOKING, [], ["tiktok"], replace(setup, references=(own,)), clock=clock)
    assert again.originality_score is None
    elsewhere = replace(setup, references=(own, Reference("v0", "0123456789")))
    (compared,) = generate(COOKING, [], ["tiktok"], elsewhere, clock=clock)
    assert compared.originality_score == 1.0


def test_each_text_is_embedded_once_for_all_platforms(toy_setup, clock):
    class Counting:
        name, dimensions, texts = toy_setup.embedder.name, toy_setup.embedder.dimensions, []

        def encode(self, texts):
            self.texts.extend(texts)
            return toy_setup.embedder.encode(texts)

    counting = Counting()
    generate(COOKING, [], PLATFORMS, replace(toy_setup, embedder=counting), clock=clock)
    assert len(counting.texts) == len(set(counting.texts))


def test_the_same_video_is_written_the_same_way(toy_setup, clock):
    first, second = (generate(COOKING, [], PLATFORMS, toy_setup, clock=clock) for _ in range(2))
    assert [item.metadata for item in first] == [item.metadata for item in second]
    assert {item.id for item in first}.isdisjoint(item.id for item in second)


def test_a_video_without_words_gets_the_agents_title_in_its_language(toy_setup, clock):
    (item,) = generate(Video(language="vi"), [], ["youtube"], toy_setup, clock=clock)
    assert item.metadata.title == "Video mới"
    assert item.metadata.description == "Video mới"
    assert item.metadata.hashtags == ()


def test_a_video_with_hashtags_alone_is_titled_by_them(toy_setup, clock):
    (item,) = generate(Video(hashtags=("SunsetBeach",)), [], ["tiktok"], toy_setup, clock=clock)
    assert item.metadata.title == "sunset beach"


def test_an_unknown_platform_is_refused(toy_setup, clock):
    with pytest.raises(NotFoundError, match="myspace"):
        generate(COOKING, [], ["tiktok", "myspace"], toy_setup, clock=clock)


def test_exploration_needs_a_generator_and_records_what_it_drew(toy_setup, clock, make_match):
    eager = replace(toy_setup, agent=toy_setup.agent.model_copy(update={"temperature": 0.5, "min_relevance": -1.0}))
    with pytest.raises(ConfigError, match="random generator"):
        generate(COOKING, [], ["tiktok"], eager, clock=clock)
    matches = [make_match(f"pasta{word}", rank=rank) for rank, word in enumerate("abcdefgh", start=1)]
    (item,) = generate(COOKING, matches, ["tiktok"], eager, clock=clock, rng=np.random.default_rng(1))
    drawn = item.propensities["hashtags"]
    assert len(drawn) == 5
    assert all(0 < propensity < 1 for propensity in drawn.values())
    assert list(item.propensities["cta"].values()) == [pytest.approx(1 / 3)]


def test_chance_differs_from_video_to_video_and_agent_to_agent_and_repeats_itself(toy_setup):
    agent = toy_setup.agent
    other = agent.model_copy(update={"agent_id": "other"})
    first, again, *others = (
        draws(video, one).random(4).tolist()
        for video, one in ((COOKING, agent), (COOKING, agent), (Video(video_id="v2"), agent), (COOKING, other))
    )
    assert first == again
    assert first not in others
    assert others[0] != others[1]
