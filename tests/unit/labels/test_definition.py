"""Label definitions: found by name, kind or path; every mistake named in one line."""

import pytest

from trenddrop.core.errors import ConfigError, NotFoundError
from trenddrop.labels import LabelDefinition, load_label
from trenddrop.labels.definition import GrowthMultiple, Onset, TopRank


def test_the_built_in_definitions_load():
    definition = load_label("top_rank_10")
    assert isinstance(definition.parameters, TopRank)
    assert (definition.parameters.k, definition.horizons) == (10, (6, 12, 24, 48))
    assert isinstance(load_label("growth_multiple").parameters, GrowthMultiple)
    assert load_label("growth_multiple_sparse").parameters.max_hole_hours == 5
    assert load_label("absolute").parameters.threshold == 1_000_000
    assert load_label("viral_v1").parameters == Onset()
    assert load_label("top_percentile").parameters.share == 0.01


def test_a_kind_is_enough_where_only_one_definition_has_it():
    assert load_label("top_rank").name == "top_rank_10"


def test_a_kind_of_several_definitions_is_refused(tmp_path):
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "top_rank_5.yaml").write_text("name: top_rank_5\nkind: top_rank\nparameters: {k: 5}\n")
    assert load_label("top_rank_5", extra=tmp_path).parameters.k == 5
    with pytest.raises(ConfigError, match="top_rank_10, top_rank_5"):
        load_label("top_rank", extra=tmp_path)


def test_an_unknown_name_says_which_there_are():
    with pytest.raises(NotFoundError, match="top_rank_10"):
        load_label("nonsense")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: x\nkind: magic\n", "'magic' is not one of onset, top_rank[^;]*$"),
        ("name: x\nkind: top_rank\nparameters: {k: 0}\n", "greater than or equal to 1"),
        ("name: x\nkind: top_rank\nparameters: {multiple: 3}\n", "Extra inputs"),
        ("name: x\nkind: absolute\nhorizons: [12, 6]\n", "ascending"),
        ("name: x\nkind: growth_multiple\nhorizons: [3]\n", "does not fit"),
        ("name: x\nkind: onset\nparameters: {rate_hours: 3}\n", "min_rate_hours: 4 is more than rate_hours"),
        ("name: x\nkind: onset\nparameters: {min_baseline_hours: 170}\n", "does not fit between baseline_from"),
    ],
)
def test_a_mistake_is_named_with_its_file(tmp_path, text, message):
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_label(str(path))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_defaults_are_those_of_the_kind():
    assert LabelDefinition.model_validate({"name": "x", "kind": "growth_multiple"}).parameters == GrowthMultiple()
