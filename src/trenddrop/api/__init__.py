"""The scoring endpoint over HTTP: routes translate, never compute."""

from trenddrop.api.app import create_app
from trenddrop.api.contract import ScoringService

__all__ = ["ScoringService", "create_app"]
