"""LightGBM's trees as text that does not name the machine they grew on."""

import lightgbm as lgb

END = "end of trees\n"


def trees_text(booster: lgb.Booster, *, rounds: int | None = None) -> str:
    """Return LightGBM's text format up to the end of the (first) trees; what follows repeats them or names threads."""
    text: str = booster.model_to_string(num_iteration=rounds)
    return text[: text.index(END) + len(END)]


def read_trees(text: str) -> lgb.Booster:
    """Return the booster that predicts by these trees."""
    return lgb.Booster(model_str=text)
