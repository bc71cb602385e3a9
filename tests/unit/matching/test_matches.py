import polars as pl
import pytest

from trenddrop.core.errors import ConfigError
from trenddrop.index import ExactIndex
from trenddrop.matching import Video, load_matching, match
from trenddrop.matching.matches import lift

TRENDS = ("cooking pasta", "gardening", "football", "home workout", "fyp", "viral")
NO_SCORES = pl.DataFrame(schema={"hashtag_id": pl.String})
PASTA = Video(transcript="Today I boil spaghetti and make a tomato sauce with basil.", caption="#fyp dinner")


@pytest.fixture(scope="module")
def index(embedder):
    index = ExactIndex(embedder.name, embedder.dimensions)
    metadata = [
        {"title": title, "platform": "weibo" if title == "football" else "tiktok", "hashtag_id": f"tiktok:{title}"}
        for title in TRENDS
    ]
    index.add([f"id-{title}" for title in TRENDS], embedder.encode(TRENDS), metadata)
    return index


def config(**changes):
    return load_matching().model_copy(update={"min_similarity": -1.0} | changes)


def scores(**probabilities):
    """One row per trend (underscores stand for spaces) with the same probability for 24 h and 48 h."""
    names = [f"tiktok:{name.replace('_', ' ')}" for name in probabilities]
    values = list(probabilities.values())
    return pl.DataFrame({"hashtag_id": names, "probability_24h": values, "probability_48h": values})


def titles(matches):
    return [item.title for item in matches]


def test_without_scores_the_nearest_trend_wins(index, embedder):
    found = match(PASTA, index, NO_SCORES, config(), embedder=embedder)
    assert found[0].title == "cooking pasta"
    assert [item.rank for item in found] == list(range(1, len(found) + 1))
    assert found[0].probabilities == dict.fromkeys(
        ("probability_6h", "probability_12h", "probability_24h", "probability_48h")
    )
    assert found[0].lift == 0.5
    assert found[0].rank_score > found[1].rank_score


def test_generic_tags_are_never_matched(index, embedder):
    found = match(Video(caption="fyp viral"), index, NO_SCORES, config(), embedder=embedder)
    assert not {"fyp", "viral"} & set(titles(found))


def test_a_likelier_trend_overtakes_a_slightly_nearer_one(index, embedder):
    video = Video(caption="A workout in the garden")
    plain = titles(match(video, index, NO_SCORES, config(), embedder=embedder))[:2]
    assert set(plain) == {"home workout", "gardening"}
    first, second = (title.replace(" ", "_") for title in plain)
    boosted = match(video, index, scores(**{first: 0.01, second: 0.9}), config(), embedder=embedder)
    assert boosted[0].title == plain[1]
    assert boosted[0].probabilities["probability_24h"] == 0.9
    assert boosted[0].lift > 0.5


def test_the_rank_is_the_documented_formula(index, embedder):
    found = match(PASTA, index, scores(cooking_pasta=0.3, football=0.1), config(), embedder=embedder)
    best = found[0]
    average = 0.2
    expected_lift = (0.05 * 0.5 + 0.05 * 0.5 + 0.2 * 0.3 / (0.3 + average)) / 0.3
    assert best.lift == pytest.approx(expected_lift)
    assert best.rank_score == pytest.approx(0.7 * best.similarity + 0.3 * expected_lift)


def test_an_unrelated_trend_is_no_match_however_likely(index, embedder):
    found = match(PASTA, index, scores(football=0.99), config(min_similarity=0.3), embedder=embedder)
    assert "football" not in titles(found)


def test_one_platform_only(index, embedder):
    found = match(PASTA, index, NO_SCORES, config(), embedder=embedder, platform="weibo")
    assert titles(found) == ["football"]


def test_at_most_as_many_as_configured(index, embedder):
    assert len(match(PASTA, index, NO_SCORES, config(matches=2), embedder=embedder)) == 2


def test_a_video_without_words_matches_nothing(index, embedder):
    assert match(Video(), index, NO_SCORES, config(), embedder=embedder) == []


def test_an_index_of_another_model_is_refused(embedder):
    with pytest.raises(ConfigError, match="run `trenddrop index`"):
        match(PASTA, ExactIndex("other", 384), NO_SCORES, config(), embedder=embedder)


@pytest.mark.parametrize("average", [None, 0.0])
def test_where_nothing_was_predicted_every_trend_is_average(average):
    assert lift(pl.Series([None, 0.0], dtype=pl.Float64), average=average).tolist() == [0.5, 0.5]
