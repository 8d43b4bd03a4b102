"""The words the shipped network knows, read from the vocabulary.json beside its weights."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path

from gesso.domain.frozen import Frozen
from gesso.engines.builtin.wishes import REFERENCE
from gesso.engines.builtin.wordlists import word_lists

WEIGHTS_FOLDER = Path(__file__).parent / "weights"


class Noun(Frozen):
    """A thing the network draws. `size` compares it with a duck; `floats` says it needs no ground under it.

    `home` are the grounds it may be shown on where none is asked for: keys of background.py, () for the usual ones.
    """

    word: str
    synonyms: tuple[str, ...] = ()
    size: float = 1.0
    floats: bool = False
    home: tuple[str, ...] = ()

    @property
    def swims(self) -> bool:
        """Whether it needs no ground because water carries it, rather than air."""
        return self.floats and "underwater" in self.home


class Defaults(Frozen):
    steps: int
    guidance: float


class TrainingFacts(Frozen):
    parameters: int
    steps: int
    data: str


class Vocabulary(Frozen):
    """What must be known beside the weights. A noun's or colour's place in its tuple is its index in the network.

    `side` is the side of a layer in pixels. `colours[0]` is "": the thing's own colours.
    """

    version: int
    side: int
    nouns: tuple[Noun, ...]
    colours: tuple[str, ...]
    defaults: Defaults
    training: TrainingFacts

    @property
    def no_noun(self) -> int:
        """The index that means "no noun said" (the unconditional branch)."""
        return len(self.nouns)

    @property
    def no_colour(self) -> int:
        """The index that means "no colour said"."""
        return len(self.colours)

    def noun(self, index: int) -> Noun:
        """Return a noun by its index, a stand-in of middling size for REFERENCE."""
        return Noun(word="reference") if index == REFERENCE else self.nouns[index]

    @cached_property
    def _indices(self) -> dict[str, int]:
        return {noun.word: index for index, noun in enumerate(self.nouns)}

    def members(self, sort: str) -> tuple[int, ...]:
        """Return the nouns of a kind of things ("fruit") by their indices; () for an unknown kind."""
        return tuple(self._indices[word] for word in word_lists().kinds.get(sort, ()) if word in self._indices)

    @cached_property
    def noun_phrases(self) -> dict[str, tuple[int, bool]]:
        """Every way to name a noun, as words joined by one space: phrase → (noun index, whether it is a plural).

        A noun's own word wins over another noun's synonym; a singular wins over a plural.
        """
        found: dict[str, tuple[int, bool]] = {}
        names = [(noun.word, index) for index, noun in enumerate(self.nouns)]
        names += [(word, index) for index, noun in enumerate(self.nouns) for word in noun.synonyms]
        for name, index in names:
            found.setdefault(name, (index, False))
        for name, index in names:
            for many in plurals(name):
                found.setdefault(many, (index, True))
        return found


def plurals(name: str) -> tuple[str, ...]:
    """Return the plural spellings of an English noun or noun phrase ("cup of coffee" → "cups of coffee"), () for none."""
    head, of, rest = name.partition(" of ")
    if of:
        return tuple(f"{many} of {rest}" for many in plurals(head))
    front, space, word = name.rpartition(" ")
    irregular = word_lists().plurals
    if (listed := irregular.get(name, irregular.get(word))) is not None:
        forms = listed
    elif word.endswith("y") and word[-2:-1] not in "aeiou":
        forms = (word[:-1] + "ies",)
    elif word.endswith(("s", "x", "z", "ch", "sh")):
        forms = (word + "es",)
    else:
        forms = (word + "s",)
    return tuple(front + space + form for form in forms)


def load_vocabulary(folder: Path = WEIGHTS_FOLDER) -> Vocabulary:
    """Read vocabulary.json; raises OSError when it is not there, ValueError when it is not one."""
    return Vocabulary.model_validate(json.loads((folder / "vocabulary.json").read_text(encoding="utf-8")))
