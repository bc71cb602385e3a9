from trenddrop.registry import ModelVersion, find_champion


class OneModel:
    """A registry with at most one champion."""

    def __init__(self, model=None):
        self.model = model

    def aliased(self, name, alias):
        return ModelVersion(name, "3", "f", "r") if self.model is not None and alias == "champion" else None

    def load(self, name, version):
        assert (name, version) == ("viral", "3")
        return self.model


def test_the_champion_is_loaded_by_its_version(model):
    assert find_champion(OneModel(model), "viral") is model


def test_no_champion_yet_is_none():
    assert find_champion(OneModel(), "viral") is None
