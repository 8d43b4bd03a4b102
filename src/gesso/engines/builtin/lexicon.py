"""The phrases the built-in model understands, each with its one meaning; English only."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from gesso.engines.builtin.vocabulary import Vocabulary

MAX_PHRASE = 5  # words in the longest phrase worth trying


class Kind(Enum):
    """What a phrase is for."""

    NOUN = auto()  # value: the noun's index
    PLURAL = auto()  # value: the noun's index
    COLOUR = auto()  # value: the colour's index
    SIZE = auto()  # value: a factor
    COUNT = auto()  # value: how many
    PAIR = auto()  # "a pair of": two ducks, but one pair of glasses
    PLACE = auto()  # value: one of the keys of layout's anchors
    GROUND = auto()  # value: a ground of background.py
    TIME = auto()  # value: "sunset" or "night": a background's light, or a look of an edit
    LOOK = auto()  # value: a look of looks.py
    BACKDROP = auto()  # the word "background" itself
    GRADIENT = auto()
    ADD = auto()  # add, put, place …
    TURN = auto()  # make, turn, change …
    UNDONE = auto()  # value: what this version does not do (remove, replace …)
    WITHOUT = auto()
    AND = auto()
    DEFINITE = auto()  # the, this, my …
    STOP = auto()  # carries no meaning for a picture


@dataclass(frozen=True)
class Meaning:
    kind: Kind
    value: str | int | float = 0


_COLOUR_SYNONYMS = {
    "gray": "grey silver",
    "red": "crimson scarlet",
    "yellow": "golden gold",
    "purple": "violet",
    "blue": "navy",
    "pink": "magenta",
}
_COUNTS = {
    1: ["one", "single"],
    2: ["two", "a couple of", "couple of"],
    3: ["three", "some", "a few", "few"],
    4: ["four", "several"],
    5: ["five"],
    6: ["six", "half a dozen", "many", "lots of", "a lot of"],
    7: ["seven"],
    8: ["eight"],
    9: ["nine"],
    10: ["ten"],
    11: ["eleven"],
    12: ["twelve", "a dozen", "dozen"],
}
_SIZES = {
    0.4: ["tiny", "mini", "miniature", "minuscule"],
    0.6: ["small", "little", "smallish"],
    1.5: ["big", "large"],
    2.2: ["huge", "giant", "gigantic", "enormous"],
}
_PLACES = {
    "left": ["left"],
    "right": ["right"],
    "top": ["top", "upper", "in the sky", "up in the sky"],
    "bottom": ["bottom", "lower"],
    "centre": ["center", "centre", "middle", "central"],
    "far": ["in the background", "in the distance", "far away"],
    "near": ["in the foreground", "close up"],
}
_GROUNDS = {
    "sky": ["sky", "blue sky"],
    "sea": ["sea", "ocean", "lake", "water"],
    "grass": ["grass", "meadow", "field", "lawn", "park", "garden", "hills", "green hills", "countryside"],
    "snow": ["snow", "snowy", "winter"],
    "beach": ["beach", "sand", "sandy beach"],
    "desert": ["desert"],
    "space": ["space", "outer space", "galaxy"],
    "table": ["table", "wooden table", "desk"],
    "studio": ["studio", "studio background", "plain background"],
}
_TIMES = {
    "sunset": ["sunset", "sunrise", "dusk", "dawn", "golden hour", "sunset sky"],
    "night": ["night", "nighttime", "night time", "night sky", "starry", "starry night", "starry sky", "moonlight"],
}
_LOOKS = {
    "grayscale": [
        "grayscale",
        "greyscale",
        "gray scale",
        "grey scale",
        "black and white",
        "black white",
        "monochrome",
        "b w",
    ],
    "sepia": ["sepia"],
    "warmer": ["warmer", "it warm", "warm tones", "warm colors", "warm colours"],
    "cooler": ["cooler", "colder", "it cool", "it cold", "cool tones", "cool colors", "cool colours"],
    "brighter": ["brighter", "lighter", "it bright", "it light", "brighten"],
    "darker": ["darker", "it dark", "darken"],
    "more contrast": ["more contrast", "higher contrast", "high contrast", "contrasty"],
    "less contrast": ["less contrast", "lower contrast", "low contrast"],
    "invert": ["invert", "inverted", "negative", "invert the colors", "invert the colours"],
    "vivid": ["vivid", "more colorful", "more colourful", "more saturated", "more vivid"],
    "muted": ["muted", "less colorful", "less colourful", "less saturated", "desaturated", "desaturate"],
    "vintage": ["vintage", "retro", "faded", "old photo", "old photograph", "old fashioned"],
}
# What "increase the …" and "reduce the …" are short for.
_LEVELS = {
    "brightness": ("brighter", "darker"),
    "exposure": ("brighter", "darker"),
    "contrast": ("more contrast", "less contrast"),
    "saturation": ("vivid", "muted"),
    "warmth": ("warmer", "cooler"),
}
_UNDONE = {
    "removing": ["remove", "delete", "erase", "get rid of", "take away", "take out", "cut out"],
    "replacing": ["replace", "swap", "exchange"],
    "moving": ["move", "shift", "drag"],
    "turning or mirroring": ["rotate", "flip", "mirror"],
    "resizing": ["resize", "enlarge", "shrink", "crop", "zoom", "upscale"],
    "recolouring": ["recolor", "recolour"],
    "sharpening or blurring": ["sharpen", "blur"],
}
_ADD = "add put place insert draw show include give generate create render attach"
_TURN = "make turn change convert transform apply"
_AND = ["and", "then", "with", "plus", "also", "next to", "beside", "besides", "near", "by", "or"]
_DEFINITE = "the this that these those my your his her its our their"
_STOP = (
    "a an is are was be being been has have having there it in on at of to from into onto for as i me we us you want "
    "like would could can will please kindly thanks thank just so very picture image photo photograph scene whole "
    "everything all look looks looking effect style filter side corner edge half part area version mode them they up "
    "tone tones color colour colored coloured"
)

_TABLES: tuple[tuple[Kind, Mapping[Any, list[str]]], ...] = (
    (Kind.COUNT, _COUNTS),
    (Kind.SIZE, _SIZES),
    (Kind.PLACE, _PLACES),
    (Kind.GROUND, _GROUNDS),
    (Kind.TIME, _TIMES),
    (Kind.LOOK, _LOOKS),
    (Kind.UNDONE, _UNDONE),
)
_WORDS = {
    Kind.PAIR: ["pair of", "a pair of"],
    Kind.BACKDROP: ["background", "backdrop"],
    Kind.GRADIENT: ["gradient"],
    Kind.WITHOUT: ["no", "not", "without", "minus"],
    Kind.AND: _AND,
    Kind.ADD: _ADD.split(),
    Kind.TURN: _TURN.split(),
    Kind.DEFINITE: _DEFINITE.split(),
    Kind.STOP: _STOP.split(),
}


def split_words(text: str) -> list[str]:
    """Return the words of a text, lower-case and in order; a break between clauses is "," or ".".

    Hyphens and apostrophes part words; anything that is neither letter, digit nor mark is left out.
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    return [
        found if found[0].isalnum() else ("," if found == "," else ".")
        for found in re.findall(r"[^\W_]+|[,.;:!?\n]", plain)
    ]


def _from(vocabulary: Vocabulary) -> Iterator[tuple[str, Meaning]]:
    """Yield the names of nouns and colours."""
    for phrase, (noun, many) in vocabulary.noun_phrases.items():
        yield phrase, Meaning(Kind.PLURAL if many else Kind.NOUN, noun)
    for index, colour in enumerate(vocabulary.colours):
        if colour:
            for word in (colour, *_COLOUR_SYNONYMS.get(colour, "").split()):
                yield word, Meaning(Kind.COLOUR, index)


def _own() -> Iterator[tuple[str, Meaning]]:
    """Yield the phrases of this file."""
    for kind, table in _TABLES:
        for value, names in table.items():
            yield from ((name, Meaning(kind, value)) for name in names)
    for quality, looks in _LEVELS.items():
        for verbs, look in zip(
            (("increase", "boost", "more"), ("reduce", "decrease", "lower", "less")), looks, strict=True
        ):
            for verb in verbs:
                yield from ((f"{verb} {article}{quality}", Meaning(Kind.LOOK, look)) for article in ("", "the "))
    for kind, names in _WORDS.items():
        yield from ((name, Meaning(kind)) for name in names)


@dataclass(frozen=True)
class Lexicon:
    """Phrase (a tuple of words) → meaning."""

    phrases: dict[tuple[str, ...], Meaning]

    @classmethod
    def of(cls, vocabulary: Vocabulary) -> Lexicon:
        """Join the nouns and colours of the network with the words of this file; what comes first wins."""
        phrases: dict[tuple[str, ...], Meaning] = {}
        for phrase, meaning in (*_from(vocabulary), *_own()):
            phrases.setdefault(tuple(split_words(phrase)), meaning)
        return cls(phrases)

    def longest_at(self, words: list[str], start: int) -> tuple[int, Meaning | None]:
        """Return how many words the longest known phrase at `start` has, and its meaning (1 and None: unknown)."""
        for length in range(min(MAX_PHRASE, len(words) - start), 0, -1):
            meaning = self.phrases.get(tuple(words[start : start + length]))
            if meaning is not None:
                return length, meaning
        if words[start].isdecimal() and words[start].isascii() and len(words[start]) <= 3:
            return 1, Meaning(Kind.COUNT, int(words[start]))
        return 1, None
