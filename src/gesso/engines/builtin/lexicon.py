"""What each phrase means: the network's nouns and colours joined with the word lists, and a text cut into phrases."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import lru_cache

from gesso.engines.builtin.spelling import Spelling
from gesso.engines.builtin.vocabulary import Vocabulary, plurals
from gesso.engines.builtin.wordlists import word_lists

MAX_PHRASE = 5  # words in the longest phrase worth trying


class Kind(Enum):
    """What a phrase is for."""

    NOUN = auto()  # value: the noun's index
    PLURAL = auto()  # value: the noun's index
    SORT = auto()  # a kind of thing ("fruit"); value: its name in the word lists
    SORTS = auto()  # the plural of one; value: the same
    COLOUR = auto()  # value: the colour's index
    SIZE = auto()  # value: a factor
    COUNT = auto()  # value: how many
    PAIR = auto()  # "a pair of": two ducks, but one pair of glasses
    PLACE = auto()  # value: one of the keys of layout's anchors
    RELATION = auto()  # value: one of the relations of clusters.py
    GROUND = auto()  # value: a ground of background.py
    TIME = auto()  # value: "sunset" or "night": a background's light, or a look of an edit
    LOOK = auto()  # value: a look of looks.py
    BACKDROP = auto()  # the word "background" itself
    GRADIENT = auto()
    ADD = auto()  # add, put, place …
    TURN = auto()  # make, turn, change …
    REMOVE = auto()
    REPLACE = auto()
    RECOLOUR = auto()
    UNDONE = auto()  # value: what this version does not do (move, rotate …)
    WITHOUT = auto()
    AND = auto()
    EVERY = auto()  # all, every, both …
    DEFINITE = auto()  # the, this, my …
    REFERENCE = auto()  # the thing of the reference picture, where there is one
    STOP = auto()  # carries no meaning for a picture
    MARK = auto()  # a break between clauses


THINGS = (Kind.NOUN, Kind.PLURAL, Kind.SORT, Kind.SORTS)
VERBS = (Kind.ADD, Kind.TURN, Kind.REMOVE, Kind.REPLACE, Kind.RECOLOUR, Kind.UNDONE)


@dataclass(frozen=True)
class Meaning:
    kind: Kind
    value: str | int | float = 0


@dataclass(frozen=True)
class Phrase:
    """Some words of a text with their one meaning, None where they have none.

    `span` are their positions among all words and marks; `meant`: the word a misspelt one was read as.
    """

    span: range
    text: str
    meaning: Meaning | None
    meant: str = ""

    @property
    def kind(self) -> Kind | None:
        return self.meaning.kind if self.meaning else None

    @property
    def value(self) -> str | int | float:
        return self.meaning.value if self.meaning else 0


def split_words(text: str) -> list[str]:
    """Return the words of a text, lower-case and in order; a break between clauses is "," or ".".

    Hyphens and apostrophes part words; anything that is neither letter, digit nor mark is left out.
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    return [
        found if found[0].isalnum() else ("," if found == "," else ".")
        for found in re.findall(r"[^\W_]+|[,.;:!?\n]", plain)
    ]


def _fruits(vocabulary: Vocabulary) -> Iterator[tuple[str, Meaning]]:
    """Yield the plurals of things that are called as a colour is."""
    for colour, thing in word_lists().fruits.items():
        noun, _ = vocabulary.noun_phrases.get(thing, (None, False))
        if noun is not None:
            yield from ((many, Meaning(Kind.PLURAL, noun)) for many in plurals(colour))


def _from(vocabulary: Vocabulary) -> Iterator[tuple[str, Meaning]]:
    """Yield the names of nouns and colours."""
    for phrase, (noun, many) in vocabulary.noun_phrases.items():
        yield phrase, Meaning(Kind.PLURAL if many else Kind.NOUN, noun)
    for index, colour in enumerate(vocabulary.colours):
        if colour:
            for word in (colour, *word_lists().colours.get(colour, ())):
                yield word, Meaning(Kind.COLOUR, index)


def _listed() -> Iterator[tuple[str, Meaning]]:
    """Yield the phrases of the word lists."""
    lists = word_lists()
    tables = (
        (Kind.COUNT, lists.counts),
        (Kind.SIZE, lists.sizes),
        (Kind.PLACE, lists.places),
        (Kind.RELATION, lists.relations),
        (Kind.GROUND, lists.grounds),
        (Kind.TIME, lists.times),
        (Kind.LOOK, lists.looks),
        (Kind.UNDONE, lists.undone),
    )
    for kind, table in tables:
        for value, names in table.items():
            yield from ((name, Meaning(kind, value)) for name in names)
    for quality, looks in lists.levels.items():
        for verbs, look in zip(
            (("increase", "boost", "more"), ("reduce", "decrease", "lower", "less")), looks, strict=True
        ):
            for verb in verbs:
                yield from ((f"{verb} {article}{quality}", Meaning(Kind.LOOK, look)) for article in ("", "the "))
    for word, names in lists.words.items():
        yield from ((name, Meaning(Kind[word.upper()])) for name in names)


def _sorts(vocabulary: Vocabulary) -> Iterator[tuple[str, Meaning]]:
    """Yield the kinds of things of which the network knows one at least."""
    for name in word_lists().kinds:
        if vocabulary.members(name):
            yield name, Meaning(Kind.SORT, name)
            yield from ((many, Meaning(Kind.SORTS, name)) for many in plurals(name))


@dataclass(frozen=True, eq=False)
class Lexicon:
    """Phrase (a tuple of words) → meaning; and what misspelt words may have meant."""

    phrases: dict[tuple[str, ...], Meaning]
    spelling: Spelling

    @classmethod
    @lru_cache(maxsize=4)
    def of(cls, vocabulary: Vocabulary) -> Lexicon:
        """Join the nouns and colours of the network with the word lists; what comes first wins."""
        phrases: dict[tuple[str, ...], Meaning] = {}
        for phrase, meaning in (*_from(vocabulary), *_fruits(vocabulary), *_listed(), *_sorts(vocabulary)):
            phrases.setdefault(tuple(split_words(phrase)), meaning)
        names = {
            words[0]: meaning.value for words, meaning in phrases.items() if len(words) == 1 and meaning.kind in THINGS
        }
        return cls(phrases, Spelling.of(names))

    def longest_at(self, words: Sequence[str], start: int) -> tuple[int, Meaning | None]:
        """Return how many words the longest known phrase at `start` has, and its meaning (1 and None: unknown)."""
        for length in range(min(MAX_PHRASE, len(words) - start), 0, -1):
            meaning = self.phrases.get(tuple(words[start : start + length]))
            if meaning is not None:
                return length, meaning
        if words[start].isdecimal() and words[start].isascii() and len(words[start]) <= 3:
            return 1, Meaning(Kind.COUNT, int(words[start]))
        return 1, None

    def read(self, words: Sequence[str]) -> list[Phrase]:
        """Cut words and marks into the longest known phrases, from left to right; misspelt things are recognised."""
        found: list[Phrase] = []
        start = 0
        while start < len(words):
            if words[start] in ",.":
                found.append(Phrase(range(start, start + 1), words[start], Meaning(Kind.MARK)))
                start += 1
                continue
            length, meaning = self.longest_at(words, start)
            if meaning == Meaning(Kind.LOOK, "grayscale") and self._names_colours(words, start, length):
                length, meaning = 1, self.phrases[(words[start],)]
            meant = self.spelling.meant(words[start]) if meaning is None else ""
            if meant:
                meaning = self.phrases[(meant,)]
            found.append(Phrase(range(start, start + length), " ".join(words[start : start + length]), meaning, meant))
            start += length
        return [self._thing_or_colour(found, place) for place in range(len(found))]

    def _thing_or_colour(self, phrases: Sequence[Phrase], place: int) -> Phrase:
        """Return a phrase, "an orange" as the fruit where nothing follows that could be orange."""
        phrase = phrases[place]
        fruit = word_lists().fruits.get(phrase.text)
        if fruit is None or (fruit,) not in self.phrases or place == 0:
            return phrase
        before = phrases[place - 1]
        after = next((p.kind for p in phrases[place + 1 :] if p.kind is not Kind.AND), Kind.MARK)
        one = before.text in ("a", "an") or before.kind in (Kind.DEFINITE, Kind.SIZE) or before.value == 1
        free = after in (Kind.MARK, Kind.STOP, Kind.PLACE, Kind.RELATION, Kind.WITHOUT, Kind.COUNT, *VERBS)
        return replace(phrase, meaning=self.phrases[(fruit,)]) if one and free else phrase

    def _names_colours(self, words: Sequence[str], start: int, length: int) -> bool:
        """Tell whether "black and white" stands before a noun, and so colours it rather than the picture."""
        if length == 1 or start + length >= len(words):
            return False
        _, after = self.longest_at(words, start + length)
        return after is not None and after.kind in THINGS
