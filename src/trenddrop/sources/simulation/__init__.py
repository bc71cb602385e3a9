"""A seeded world of hashtags, creators, sounds and videos that writes raw records and knows the truth."""

from trenddrop.sources.simulation.config import SimulationConfig, load_simulation
from trenddrop.sources.simulation.world import SimulationSummary, simulate

__all__ = ["SimulationConfig", "SimulationSummary", "load_simulation", "simulate"]
