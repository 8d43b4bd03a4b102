"""Random numbers that depend on the seed and on what they are for, and on nothing else."""

from __future__ import annotations

import numpy as np

# Object i of a picture draws from stream i, so that it is the same whatever stands beside it.
LAYOUT_STREAM = 1 << 32
BACKGROUND_STREAM = LAYOUT_STREAM + 1
KIND_STREAM = LAYOUT_STREAM + 2
SURFACE_STREAM = LAYOUT_STREAM + 3


def dice(seed: int, stream: int) -> np.random.Generator:
    """Return the generator of one stream of a picture's seed (Philox is counter-based: streams never meet)."""
    return np.random.Generator(np.random.Philox(key=np.array([seed, stream], np.uint64)))
