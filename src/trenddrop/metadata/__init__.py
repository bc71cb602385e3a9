"""Title, description, hashtags and call to action for each platform, written without a language model."""

from trenddrop.metadata.agent import Agent, load_agent
from trenddrop.metadata.generator import Generation, GenerationSetup, Metadata, Reference, draws, generate
from trenddrop.metadata.limits import PlatformLimits, load_platforms
from trenddrop.metadata.store import earlier_texts, write_generations

__all__ = [
    "Agent",
    "Generation",
    "GenerationSetup",
    "Metadata",
    "PlatformLimits",
    "Reference",
    "draws",
    "earlier_texts",
    "generate",
    "load_agent",
    "load_platforms",
    "write_generations",
]
