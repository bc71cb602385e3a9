"""The scoring endpoint over HTTP: routes translate, never compute."""

from trenddrop.api.app import create_app
from trenddrop.api.contract import NotReadyError, ScoringService

__all__ = ["NotReadyError", "ScoringService", "create_app"]
