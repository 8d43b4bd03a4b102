"""Clauses that change what is in a picture: "remove the duck", "replace the cat with a dog", "make the car red"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from gesso.engines.builtin.lexicon import THINGS, VERBS, Kind, Phrase
from gesso.engines.builtin.vocabulary import Vocabulary
from gesso.engines.builtin.wishes import A_FEW, MAX_OBJECTS, REFERENCE, Change, Wish

PLACE_X = {"left": 0.2, "right": 0.8}
PLACE_Y = {"top": 0.2, "bottom": 0.8}

UNDONE: dict[Kind | None, str] = {Kind.REMOVE: "removing", Kind.REPLACE: "replacing", Kind.RECOLOUR: "recolouring"}
_CHANGING = "changing things in the picture"
_PARTS = ("with", "by", "for", "into", "to", "as")  # between what is replaced and what replaces it
_PARTS_OF_MAKING = ("into", "to")
_TELLING = ("of", "from", "in", "on", "near", "with")  # "the hat of the man": the man only says which
_ONE = ("a", "an", "another")


@dataclass(frozen=True)
class Command:
    """What a clause asks to change, the phrase after it, the phrases that say nothing, and what is not done."""

    stop: int
    changes: tuple[Change, ...] = ()
    unused: tuple[int, ...] = ()
    undone: str = ""


def read_command(phrases: Sequence[Phrase], start: int, vocabulary: Vocabulary, *, referring: bool) -> Command | None:
    """Read the clause that begins with the verb at `start`; None: it changes no thing (it may draw one, or be a look)."""
    stop = _end(phrases, start)
    verb = phrases[start].kind
    if verb is Kind.TURN and not _is_about_a_thing(phrases, start + 1, stop):
        return None
    if verb not in (*UNDONE, Kind.TURN):
        return None
    return _Clause(phrases, start, stop, vocabulary, referring).read()


def _end(phrases: Sequence[Phrase], start: int) -> int:
    """Return where the clause ends: at a full stop, or before the next verb."""
    for place in range(start + 1, len(phrases)):
        if phrases[place].text == "." or phrases[place].kind in VERBS:
            return place
    return len(phrases)


def _is_about_a_thing(phrases: Sequence[Phrase], start: int, stop: int) -> bool:
    """Tell whether "make …" speaks of a thing in the picture ("the car", "all cars", "a cat into a dog")."""
    for place in range(start, stop):
        if phrases[place].kind in THINGS:
            known = [phrase for phrase in phrases[start:place] if phrase.kind in (Kind.DEFINITE, Kind.EVERY)]
            ones = [phrase for phrase in phrases[start:place] if phrase.text in _ONE]
            return bool(known and not ones) or _becomes_a_thing(phrases[start:stop])
    return False


def _becomes_a_thing(phrases: Sequence[Phrase]) -> bool:
    """Tell whether "into" or "to" is followed by a thing."""
    parted = next((place for place, phrase in enumerate(phrases) if phrase.text in _PARTS_OF_MAKING), len(phrases))
    return any(phrase.kind in THINGS for phrase in phrases[parted:])


@dataclass(frozen=True)
class _Target:
    """A thing in the picture."""

    noun: int
    everyone: bool
    x: float | None = None
    y: float | None = None


@dataclass
class _Said:
    """What was said of the thing to come: positions of the phrases, by kind."""

    colours: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    everyone: bool = False

    def positions(self) -> list[int]:
        return [*self.colours, *self.sizes, *self.counts, *self.places]


class _Clause:
    """One clause: things, then what is to become of them; after "and" it may begin again with the same verb."""

    def __init__(
        self, phrases: Sequence[Phrase], start: int, stop: int, vocabulary: Vocabulary, referring: bool
    ) -> None:
        self.phrases, self.start, self.stop = phrases, start, stop
        self.vocabulary, self.referring = vocabulary, referring
        self.verb = phrases[start].kind
        self.changes: list[Change] = []
        self.unused: list[int] = []
        self._begin()

    def _begin(self) -> None:
        self.targets: list[_Target] = []
        self.wish: Wish | None = None
        self.said = _Said()
        self.parted = False  # "with", "into" … stood after the things
        self.joined = True  # nothing or "and" stands before the next thing: it is another one, and tells of none
        self.close = True  # since the last thing came nothing but an article, colours and sizes

    def read(self) -> Command:
        place = self.start + 1
        while place < self.stop:
            phrase = self.phrases[place]
            breaks = phrase.text == "," or (
                phrase.kind is Kind.AND and not self._parts(phrase) and phrase.text != "with"
            )
            if phrase.text == "," and self._goes_on_with_places(place):
                breaks = False
            if breaks and self._complete():
                if not self._begins_again(place + 1):
                    break
                self._conclude()
                self._begin()
            elif breaks:
                self.joined = True
            else:
                self._take(place, phrase)
            place += 1
        self._conclude()
        undone = "" if self.changes else self._undone()
        stop = place if self.changes else self.stop
        return Command(stop, tuple(self.changes), tuple(self.unused), undone)

    def _undone(self) -> str:
        if self.verb is Kind.TURN and any(phrase.kind is Kind.SIZE for phrase in self.phrases[self.start : self.stop]):
            return "resizing"
        return UNDONE.get(self.verb, _CHANGING)

    def _parts(self, phrase: Phrase) -> bool:
        making = self.verb is Kind.TURN and self.phrases[self.start].text in ("make", "paint")
        parts = _PARTS_OF_MAKING if making else _PARTS
        return phrase.text in parts and bool(self.targets) and self.verb is not Kind.REMOVE

    def _complete(self) -> bool:
        """Tell whether the things and what is to become of them are both said."""
        if self.verb is Kind.REMOVE:
            return False  # every further thing is removed too
        return bool(self.targets) and (self.wish is not None or bool(self.said.colours))

    def _goes_on_with_places(self, comma: int) -> bool:
        """Tell whether after a comma only a place follows ("replace the cat with a dog, on the left")."""
        rest = self.phrases[comma + 1 : self.stop]
        fillers = (Kind.STOP, Kind.DEFINITE, Kind.PLACE)
        return bool(rest) and all(phrase.kind in fillers or phrase.text in _TELLING for phrase in rest)

    def _begins_again(self, place: int) -> bool:
        """Tell whether another thing of the picture follows, and what is to become of it."""
        rest = self.phrases[place : self.stop]
        thing = next((number for number, phrase in enumerate(rest) if phrase.kind in THINGS), None)
        if thing is None:
            return False
        if self.wish is None:
            after = rest[thing + 1 :]
            return any(phrase.kind is Kind.COLOUR or phrase.text in ("into", "to") for phrase in after)
        return any(phrase.text in _PARTS for phrase in rest[thing + 1 :])

    def _take(self, place: int, phrase: Phrase) -> None:
        kind = phrase.kind
        if kind in THINGS or (self.referring and kind is Kind.REFERENCE):
            self._thing(place, phrase)
        elif self._parts(phrase):
            self.parted = True
            self._unsay()
        elif kind is Kind.DEFINITE and self._is_reference(place, phrase):
            self.wish = Wish(REFERENCE)
        elif kind is Kind.EVERY:
            self.said.everyone = True
        elif kind is Kind.COLOUR:
            self.said.colours.append(place)
        elif kind is Kind.SIZE:
            self.said.sizes.append(place)
        elif kind is Kind.COUNT:
            self.said.counts.append(place)
        elif kind is Kind.PLACE:
            self._place(place, str(phrase.value))
        elif kind is Kind.RELATION or phrase.text in _TELLING:
            if self.targets:
                self.joined = self.close = False
            if phrase.text not in _TELLING:
                self.unused.append(place)
        elif kind in (Kind.STOP, Kind.DEFINITE, Kind.MARK, Kind.AND, Kind.PAIR):
            return
        else:
            self.close = False
            self.unused.append(place)

    def _is_reference(self, place: int, phrase: Phrase) -> bool:
        """Tell whether a "this" with no thing behind it stands for the reference's thing."""
        rest = self.phrases[place + 1 : self.stop]
        alone = not any(after.kind in (*THINGS, Kind.REFERENCE) for after in rest)
        return self.referring and self.parted and self.wish is None and phrase.text in ("this", "that") and alone

    def _thing(self, place: int, phrase: Phrase) -> None:
        indefinite = any(before.text in _ONE for before in self.phrases[max(place - 3, self.start) : place])
        becomes = self.parted or (self.verb is Kind.TURN and bool(self.targets) and self.close and indefinite)
        if becomes and self.verb is not Kind.REMOVE and self.targets:
            if self.wish is None:
                self.wish = self._wished(phrase)
            elif phrase.kind is not Kind.REFERENCE or self.wish.noun != REFERENCE:
                self.unused.append(place)
        elif self.joined and phrase.kind in (Kind.NOUN, Kind.PLURAL) and not self._owns(place):
            self._target(phrase)
        else:
            self.unused.append(place)
            self._unsay()
        self.joined = False
        self.close = True

    def _owns(self, place: int) -> bool:
        """Tell whether a thing is followed by "'s": what it owns is spoken of."""
        return place + 1 < self.stop and self.phrases[place + 1].text == "s"

    def _target(self, phrase: Phrase) -> None:
        said, self.said = self.said, _Said()
        many = phrase.kind is Kind.PLURAL
        one = any(self.phrases[position].value == 1 for position in said.counts)
        target = _Target(int(phrase.value), said.everyone or (many and not one))
        self.unused += [*said.colours, *said.sizes, *said.counts]
        self.targets.append(target)
        self.joined = False
        for position in said.places:
            self._place(position, str(self.phrases[position].value))

    def _wished(self, phrase: Phrase) -> Wish:
        said, self.said = self.said, _Said()
        groups = (said.colours, said.sizes, said.counts)
        colour, size, count = (self.phrases[group[-1]].value if group else None for group in groups)
        for group in groups:
            self.unused += group[:-1]
        choices: tuple[int, ...] = ()
        if phrase.kind in (Kind.SORT, Kind.SORTS):
            choices = self.vocabulary.members(str(phrase.value))
        noun = REFERENCE if phrase.kind is Kind.REFERENCE else choices[0] if choices else int(phrase.value)
        many = phrase.kind in (Kind.PLURAL, Kind.SORTS) and not any(target.everyone for target in self.targets)
        number = int(count or (A_FEW if many else 1))
        return Wish(noun, int(colour or 0), float(size or 1), min(max(number, 1), MAX_OBJECTS), choices=choices)

    def _place(self, position: int, place: str) -> None:
        """Say which one is meant, of the last thing; before any, of the one to come."""
        if not self.targets or self.joined:
            self.said.places.append(position)
            return
        last = self.targets[-1]
        if place in PLACE_X and last.x is None:
            self.targets[-1] = replace(last, x=PLACE_X[place])
        elif place in PLACE_Y and last.y is None:
            self.targets[-1] = replace(last, y=PLACE_Y[place])
        elif place == "centre" and (last.x is None or last.y is None):
            x, y = last.x, last.y
            self.targets[-1] = replace(last, x=0.5 if x is None else x, y=0.5 if y is None else y)
        else:
            self.unused.append(position)

    def _unsay(self) -> None:
        """Give up what was said of a thing that is not there."""
        self.unused += self.said.positions()
        self.said = _Said()

    def _conclude(self) -> None:
        """Turn the things and what was said of them into changes."""
        said, self.said = self.said, _Said()
        self.unused += [*said.sizes, *said.counts, *said.places]
        recolours = self.verb in (Kind.TURN, Kind.RECOLOUR) and bool(said.colours) and self.wish is None
        self.unused += said.colours[1:] if recolours else said.colours
        for target in self.targets:
            if self.verb is Kind.REMOVE:
                change = Change("remove", target.noun)
            elif self.wish is not None and self.verb is not Kind.RECOLOUR:
                change = Change("replace", target.noun, wish=self.wish)
            elif recolours:
                change = Change("recolour", target.noun, colour=int(self.phrases[said.colours[0]].value))
            else:
                continue
            self.changes.append(replace(change, everyone=target.everyone, x=target.x, y=target.y))
