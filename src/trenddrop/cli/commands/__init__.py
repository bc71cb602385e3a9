"""The commands, grouped by what they work on; importing this package registers them all."""

from trenddrop.cli.commands import data, models, system, videos

__all__ = ["data", "models", "system", "videos"]
