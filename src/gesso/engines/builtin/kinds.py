"""What stands for a kind of thing ("a fruit", "three animals"): nouns of it, chosen by the seed, the next time others."""

from __future__ import annotations

from collections.abc import Sequence

from gesso.engines.builtin.dice import KIND_STREAM, dice
from gesso.engines.builtin.wishes import Wish


def choose_nouns(wishes: Sequence[Wish], seed: int) -> tuple[tuple[int, ...], ...]:
    """Return for each wish the nouns of its objects: the said one, or of a kind as many different ones as there are."""
    draw = dice(seed, KIND_STREAM)
    chosen: list[tuple[int, ...]] = []
    for wish in wishes:
        if wish.choices:
            order = draw.permutation(len(wish.choices))
            chosen.append(tuple(wish.choices[order[number % len(order)]] for number in range(wish.count)))
        else:
            chosen.append((wish.noun,) * wish.count)
    return tuple(chosen)
