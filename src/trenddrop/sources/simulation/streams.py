"""Independent random streams: each is keyed by the seed, its purpose and the hour, so any hour can be drawn alone."""

import numpy as np

HASHTAGS, CREATORS, SOUNDS, DYNAMICS, VIDEOS, FETCHES, DELIVERY = range(7)


def stream(seed: int, *key: int) -> np.random.Generator:
    """Return the generator of one purpose (and hour); equal keys give equal draws."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *key])))
