"""Misspelt names of things: a word one slip away from the names of exactly one thing is taken for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gesso.engines.builtin.wordlists import word_lists

_LEAST = 5  # letters of a name that may be misspelt, and of the misspelt word less one


def _slips(word: str) -> Iterator[str]:
    """Yield the word with one letter left out, and with each two neighbours in the other order."""
    for place in range(len(word)):
        yield word[:place] + word[place + 1 :]
    for place in range(len(word) - 1):
        yield word[:place] + word[place + 1] + word[place] + word[place + 2 :]


def _is_one_slip(said: str, name: str) -> bool:
    """Tell whether one letter too many, too few, wrong, or two neighbours exchanged make the one of the other."""
    if len(said) == len(name):
        wrong = [place for place in range(len(said)) if said[place] != name[place]]
        if len(wrong) == 2 and wrong[1] == wrong[0] + 1:
            return said[wrong[0]] == name[wrong[1]] and said[wrong[1]] == name[wrong[0]]
        return len(wrong) == 1
    shorter, longer = sorted((said, name), key=len)
    return len(longer) - len(shorter) == 1 and any(
        longer[:place] + longer[place + 1 :] == shorter for place in range(len(longer))
    )


@dataclass(frozen=True, eq=False)
class Spelling:
    """The names that may be misspelt, found by what one slip leaves of them."""

    _things: Mapping[str, object]  # name → the thing it names
    _left: Mapping[str, tuple[str, ...]]  # what a slip leaves → names

    @classmethod
    def of(cls, names: Mapping[str, object]) -> Spelling:
        """Take single-word names with the thing each one names."""
        things = {name: thing for name, thing in names.items() if len(name) >= _LEAST}
        left: dict[str, list[str]] = {}
        for name in things:
            for slip in {name, *_slips(name)}:
                left.setdefault(slip, []).append(name)
        return cls(things, {slip: tuple(found) for slip, found in left.items()})

    def meant(self, said: str) -> str:
        """Return the name a word one slip away stands for; "" where there is none, or names of several things.

        A word that is an English word of its own is no slip, and a slip leaves the first letter, or moves it by one.
        """
        if len(said) < _LEAST - 1 or said in word_lists().no_slips or not said.isalpha():
            return ""
        near = {name for slip in (said, *_slips(said)) for name in self._left.get(slip, ())}
        near = {name for name in near if _is_one_slip(said, name) and said[0] in name[:2] and name[0] in said[:2]}
        if len({self._things[name] for name in near}) != 1:
            return ""
        return min(near)
