"""The commands, grouped by what they work on; importing this package registers them all."""

from trenddrop.cli.commands import data, features, models, registry, system, videos

__all__ = ["data", "features", "models", "registry", "system", "videos"]
