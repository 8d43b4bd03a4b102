"""How many steps a picture to start from gets in U-Nets' pipelines: they take strength times the steps, cut to a whole."""

from __future__ import annotations

import math

from gesso.engines.diffusers.families.common import number
from gesso.engines.diffusers.order import Order


def strength_in(order: Order, usual: float, steps: int) -> float:
    """Return how much of a picture is painted anew, 0 to 1, never so little that no step is left."""
    return at_least_a_step(number(order, "strength", usual, least=0.0, most=1.0), steps)


def at_least_a_step(strength: float, steps: int) -> float:
    """Return a strength with which at least one of the steps is made."""
    if int(steps * strength) >= 1:
        return strength
    least = 1 / steps
    return least if int(steps * least) >= 1 else math.nextafter(least, 1.0)


def steps_that_leave(made: int, strength: float) -> int:
    """Return of how many steps this strength leaves so many to be made."""
    steps = max(1, math.ceil(made / strength))
    return steps if int(steps * strength) >= made else steps + 1
