"""The ``trenddrop`` command."""

from trenddrop.cli.app import main

__all__ = ["main"]
