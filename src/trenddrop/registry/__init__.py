"""Model versions and the rule that makes one the champion."""

from trenddrop.registry.champions import ChampionEvent, Change, Rollback, champion_events, roll_back
from trenddrop.registry.gate import Decision, judge, promote
from trenddrop.registry.models import ml_models
from trenddrop.registry.registry import ModelRegistry, ModelVersion, find_champion

__all__ = [
    "Change",
    "ChampionEvent",
    "Decision",
    "ModelRegistry",
    "ModelVersion",
    "Rollback",
    "champion_events",
    "find_champion",
    "judge",
    "ml_models",
    "promote",
    "roll_back",
]
