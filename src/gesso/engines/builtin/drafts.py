"""The objects of a prompt while it is read: what waits for a thing to come, and what still comes to one named before."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from gesso.engines.builtin.commands import PLACE_X, PLACE_Y
from gesso.engines.builtin.lexicon import Phrase
from gesso.engines.builtin.wishes import A_FEW, MAX_OBJECTS, Wish


@dataclass
class Waiting:
    """What stands before a noun and waits for it: meanings, each with its phrase."""

    colours: list[tuple[int, Phrase]] = field(default_factory=list)
    sizes: list[tuple[float, Phrase]] = field(default_factory=list)
    counts: list[tuple[int, Phrase]] = field(default_factory=list)  # -1: a pair
    places: list[tuple[str, Phrase]] = field(default_factory=list)
    definite: bool = False

    def phrases(self) -> list[Phrase]:
        return [phrase for group in (self.colours, self.sizes, self.counts, self.places) for _, phrase in group]

    def count(self, *, many: bool) -> int:
        """Return how many are wanted of a thing named in the singular or the plural."""
        said = [count for count, _ in self.counts]
        if not said:
            return A_FEW if many else 1
        if said[-1] >= 0:
            return said[-1]
        pairs = said[-2] if len(said) > 1 else 1
        return pairs * 2 if many else pairs


class Draft:
    """The wishes so far; `current` is the one that places, colours and sizes belong to, None after "and" or a stop."""

    def __init__(self) -> None:
        self.wishes: list[Wish] = []
        self.current: int | None = None
        self.relation: tuple[str, int, Phrase] | None = None  # how, whose, waiting for what it is seen from

    def add(self, nouns: tuple[int, ...], waiting: Waiting, *, many: bool) -> list[Phrase]:
        """Wish for a thing, or for one of several, with what waited for it; return what of that is left unused."""
        self.wishes.append(
            Wish(
                noun=nouns[0],
                colour=waiting.colours[-1][0] if waiting.colours else 0,
                size=waiting.sizes[-1][0] if waiting.sizes else 1.0,
                count=waiting.count(many=many),
                choices=nouns if len(nouns) > 1 else (),
            )
        )
        number = self.current = len(self.wishes) - 1
        if self.relation is not None:
            how, whose, _ = self.relation
            self.wishes[whose] = replace(self.wishes[whose], relation=how, to=number)
            self.relation = None
        unused = [phrase for group in (waiting.colours, waiting.sizes) for _, phrase in group[:-1]]
        unused += [
            phrase for (_, phrase), (after, _) in zip(waiting.counts, waiting.counts[1:], strict=False) if after >= 0
        ]
        return unused + [phrase for place, phrase in waiting.places if not self.place(place)]

    def place(self, place: str) -> bool:
        """Give the current wish a place; False: it has one, or there is none. "centre" fills what is not said."""
        if self.current is None:
            return False
        wish = self.wishes[self.current]
        if place in ("far", "near"):
            placed = replace(wish, depth=place) if not wish.depth else None
        elif place == "centre":
            placed = replace(wish, x=0.5 if wish.x is None else wish.x, y=0.5 if wish.y is None else wish.y)
        elif place in PLACE_X:
            placed = replace(wish, x=PLACE_X[place]) if wish.x in (None, 0.5) else None
        else:
            placed = replace(wish, y=PLACE_Y[place]) if wish.y in (None, 0.5) else None
        if placed is None:
            return False
        self.wishes[self.current] = placed
        return True

    def take_back(self, waiting: Waiting) -> None:
        """Give the current wish a colour and a size that no noun came for ("a duck, blue and small")."""
        if self.current is None:
            return
        wish = self.wishes[self.current]
        if waiting.colours and not wish.colour:
            wish = replace(wish, colour=waiting.colours.pop(0)[0])
        if waiting.sizes and wish.size == 1:
            wish = replace(wish, size=waiting.sizes.pop(0)[0])
        self.wishes[self.current] = wish

    def within_limit(self) -> tuple[Wish, ...]:
        """Return the wishes, no more objects than a picture holds; relations to what is left out are forgotten."""
        room, kept = MAX_OBJECTS, {}
        for number, wish in enumerate(self.wishes):
            if (taken := min(wish.count, room)) > 0:
                kept[number] = replace(wish, count=taken)
            room -= taken
        places = {number: place for place, number in enumerate(kept)}
        return tuple(
            replace(wish, to=places[wish.to]) if wish.to in places else replace(wish, relation="", to=None)
            for wish in kept.values()
        )
