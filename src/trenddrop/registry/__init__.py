"""Model versions and the rule that makes one the champion."""

from trenddrop.registry.gate import Decision, judge, promote
from trenddrop.registry.registry import ModelRegistry, ModelVersion, find_champion, load_champion

__all__ = ["Decision", "ModelRegistry", "ModelVersion", "find_champion", "judge", "load_champion", "promote"]
