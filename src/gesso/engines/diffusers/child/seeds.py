"""The dice of a picture: one generator each, on the CPU, so that the noise is the same whatever computes the rest."""

from __future__ import annotations

import torch

SEEDS = 1 << 32


def dice(seed: int) -> torch.Generator:
    """Return the generator of a picture's seed, in 0 to 2³² - 1; a larger one begins again at 0.

    What takes no generator, as a text encoder that writes better words, uses torch's own dice: they begin there too.
    """
    torch.manual_seed(seed % SEEDS)
    return torch.Generator("cpu").manual_seed(seed % SEEDS)
