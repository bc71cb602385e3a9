import pytest

from trenddrop.core.errors import ConfigError
from trenddrop.core.settings import parse_config
from trenddrop.sources.simulation import SimulationConfig, load_simulation
from trenddrop.sources.simulation.population import hashtag_names


def test_the_built_in_world_is_two_weeks_of_some_hundred_hashtags():
    config = load_simulation()
    assert config.days == 14
    assert len(config.samples) == 3


def test_hashtag_names_never_repeat_even_when_words_run_out():
    config = load_simulation().model_copy(update={"hashtags": 10_000})
    assert len(set(hashtag_names(config))) == 10_000


def test_a_word_in_two_themes_is_refused_with_its_name():
    theme = {"words": ["ramen"], "openings": ["Making"], "details": ["at home"]}
    with pytest.raises(ConfigError, match="ramen"):
        parse_config(SimulationConfig, {"themes": {"cooking": theme, "travel": theme}}, origin="simulation.yaml")


def test_an_unknown_key_is_refused():
    with pytest.raises(ConfigError, match="hashtag_count"):
        parse_config(SimulationConfig, {"hashtag_count": 3, "themes": {}}, origin="simulation.yaml")


def test_a_file_of_ones_own_wins_over_the_built_in_one(tmp_path):
    (tmp_path / "simulation.yaml").write_text(
        "hashtags: 5\nthemes: {food: {words: [ramen], openings: [Making], details: [at home]}}\n", encoding="utf-8"
    )
    assert load_simulation(extra=tmp_path).hashtags == 5


@pytest.mark.parametrize("records", [1_000, 100_000, 10_000_000])
def test_scaling_gives_about_the_asked_records(records):
    config = load_simulation().scaled(records)
    planned = config.hashtags * 24 + config.videos_per_day * len(config.video_ages_h)
    assert planned == pytest.approx(records, rel=0.03)


def test_scaling_to_nothing_is_refused():
    with pytest.raises(ConfigError, match="at least 1"):
        load_simulation().scaled(0)
