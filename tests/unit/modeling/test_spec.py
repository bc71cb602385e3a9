import pytest

from trenddrop.core.errors import ConfigError, NotFoundError
from trenddrop.modeling.spec import ModelSpec, load_spec, models_folder


def test_every_built_in_spec_loads_under_its_own_name():
    for path in models_folder().glob("*.yaml"):
        assert load_spec(path.stem).name == path.stem


def test_a_path_and_a_folder_of_the_user_win_over_the_built_in(tmp_path):
    mine = tmp_path / "models" / "viral_lightgbm.yaml"
    mine.parent.mkdir()
    mine.write_text("name: mine\nhorizons: [3]\n")
    assert load_spec("viral_lightgbm", extra=tmp_path).name == "mine"
    assert load_spec(str(mine)).horizons == (3,)


def test_an_unknown_name_says_which_there_are():
    with pytest.raises(NotFoundError, match="known: .*viral_lightgbm"):
        load_spec("viral_magic")
    with pytest.raises(NotFoundError, match=r"no file /nowhere/x\.yaml"):
        load_spec("/nowhere/x.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: x\nhorizons: [12, 6]", "rising"),
        ("name: x\ncalibration: {block_share: 0.9}", "calibration.block_share"),
        ("name: x\nlearning_rate: 0.1", "learning_rate: Extra inputs"),
        ("name: x\nbaselines: [{name: a, kind: rank}]", "a: kind rank needs columns"),
        ("name: x\nbaselines: [{name: a, kind: chi_square, columns: [b]}]", "must pair up"),
        ("name: x\nbaselines: [{name: a, kind: constant}, {name: a, kind: logistic}]", "a: a name is taken"),
        ("name: x\nbaselines: [{name: champion, kind: constant}]", "champion: a name is taken"),
    ],
)
def test_a_wrong_spec_is_refused_with_its_path_and_key(tmp_path, text, message):
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_spec(str(path))
    assert str(path) in str(caught.value)


def test_config_hash_follows_the_recipe():
    one = ModelSpec(name="a")
    assert one.config_hash() == ModelSpec(name="a").config_hash()
    assert one.config_hash() != one.model_copy(update={"seed": 1}).config_hash()
