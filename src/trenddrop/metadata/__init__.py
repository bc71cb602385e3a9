"""Title, description, hashtags and call to action for each platform, written without a language model."""

from trenddrop.metadata.agent import Agent, load_agent
from trenddrop.metadata.generator import Generation, GenerationSetup, Metadata, draws, generate
from trenddrop.metadata.limits import PlatformLimits, load_platforms
from trenddrop.metadata.store import write_generations

__all__ = [
    "Agent",
    "Generation",
    "GenerationSetup",
    "Metadata",
    "PlatformLimits",
    "draws",
    "generate",
    "load_agent",
    "load_platforms",
    "write_generations",
]
