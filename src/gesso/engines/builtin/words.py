"""Read a prompt into what to draw: objects with colour, size, number and place, a background, looks; nothing guessed.

The grammar is a single walk from left to right over the longest known phrases. Colours, sizes and numbers wait for the
noun they stand before ("two small red ducks"); a colour or a place with no noun to come goes back to the one before
("a duck, blue, on the left"). Every word of the prompt ends as understood, ignored or unknown, exactly once.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from gesso.engines.builtin.lexicon import Kind, Lexicon, Meaning, split_words
from gesso.engines.builtin.vocabulary import Vocabulary
from gesso.engines.builtin.wishes import Avoided, Background, Understood, Wish

MAX_OBJECTS = 12  # in one picture
A_FEW = 3  # how many a plural without a number is

_PLACE_X = {"left": 0.2, "right": 0.8}
_PLACE_Y = {"top": 0.2, "bottom": 0.8}


def understand(text: str, vocabulary: Vocabulary, *, editing: bool) -> Understood:
    """Read a prompt. When `editing`, "the cup" is taken to be there already, and night and sunset are looks."""
    return _Reader(Lexicon.of(vocabulary), editing).read(text)


def avoid(text: str, vocabulary: Vocabulary) -> Avoided:
    """Read a negative prompt: its first noun and its first colour count, other words than fillers are unused."""
    lexicon, words = Lexicon.of(vocabulary), split_words(text)
    noun: int | None = None
    colour: int | None = None
    unused: list[str] = []
    start = 0
    while start < len(words):
        length, meaning = lexicon.longest_at(words, start)
        kind = meaning.kind if meaning else None
        if kind in (Kind.NOUN, Kind.PLURAL) and noun is None and meaning:
            noun = int(meaning.value)
        elif kind is Kind.COLOUR and colour is None and meaning:
            colour = int(meaning.value)
        elif words[start] not in ",." and kind not in (Kind.STOP, Kind.AND, Kind.DEFINITE, Kind.WITHOUT):
            unused += words[start : start + length]
        start += length
    return Avoided(noun, colour, tuple(unused))


@dataclass
class _Waiting:
    """What stands before a noun and waits for it: meanings, each with the positions of its words."""

    colours: list[tuple[int, range]] = field(default_factory=list)
    sizes: list[tuple[float, range]] = field(default_factory=list)
    counts: list[tuple[int, range]] = field(default_factory=list)
    places: list[tuple[str, range]] = field(default_factory=list)
    definite: bool = False

    def spans(self) -> list[range]:
        return [span for group in (self.colours, self.sizes, self.counts, self.places) for _, span in group]


class _Reader:
    """One walk over one prompt."""

    def __init__(self, lexicon: Lexicon, editing: bool) -> None:
        self.lexicon, self.editing = lexicon, editing
        self.wishes: list[Wish] = []
        self.current: int | None = None  # the wish later places and colours belong to
        self.background: Background | None = None
        self.colours_go_back = False  # to the background, just named
        self.looks: list[str] = []
        self.avoided: list[int] = []
        self.undone: list[str] = []
        self.kept: list[str] = []
        self.waiting = _Waiting()
        self.skipping = False  # inside a clause about something this version does not do
        self.negating = False
        self.adding = False
        self.fates: dict[int, str] = {}

    def read(self, text: str) -> Understood:
        self.words = split_words(text)
        start = 0
        while start < len(self.words):
            if self.words[start] in ",.":
                self._end_clause(self.words[start] == ".")
                start += 1
                continue
            length, meaning = self.lexicon.longest_at(self.words, start)
            if meaning == Meaning(Kind.LOOK, "grayscale") and self._names_colours(start, length):
                length, meaning = 1, self.lexicon.phrases[(self.words[start],)]
            span = range(start, start + length)
            self._take(span, meaning)
            start += length
        self._end_clause(True)
        return self._finish()

    def _names_colours(self, start: int, length: int) -> bool:
        """Tell whether "black and white" stands before a noun, and so colours it rather than the picture."""
        if length == 1 or start + length >= len(self.words):
            return False
        _, after = self.lexicon.longest_at(self.words, start + length)
        return after is not None and after.kind in (Kind.NOUN, Kind.PLURAL)

    def _mark(self, span: range, fate: str) -> None:
        self.fates.update(dict.fromkeys(span, fate))

    def _take(self, span: range, meaning: Meaning | None) -> None:
        """Give one phrase its effect and its fate."""
        if meaning is None:
            self._mark(span, "unknown")
            return
        kind, value = meaning.kind, meaning.value
        self._mark(span, "ignored" if kind in (Kind.STOP, Kind.AND, Kind.DEFINITE) else "understood")
        if kind in (Kind.ADD, Kind.TURN, Kind.UNDONE):
            self._verb(span, kind, str(value))
        elif self.skipping:
            return
        elif kind is Kind.DEFINITE:
            self.waiting.definite = True
        elif kind is Kind.STOP:
            if self.words[span[0]] in ("a", "an"):
                self.waiting.definite = False
        elif kind is Kind.AND:
            self._end_clause(True)
        elif kind is Kind.WITHOUT:
            self.negating = True
        elif kind in (Kind.NOUN, Kind.PLURAL):
            self._noun(span, int(value), kind is Kind.PLURAL)
        elif kind is Kind.COLOUR:
            self.waiting.colours.append((int(value), span))
        elif kind is Kind.SIZE:
            self.waiting.sizes.append((float(value), span))
        elif kind in (Kind.COUNT, Kind.PAIR):
            self.waiting.counts.append((int(value) if kind is Kind.COUNT else -1, span))
        elif kind is Kind.PLACE:
            self._place(str(value), span)
            if self.words[span.stop - 1] == "sky" and not self.editing and self.background is None:
                self.background = Background(ground="sky")
        else:
            self._whole_picture(span, kind, str(value))

    def _verb(self, span: range, kind: Kind, value: str) -> None:
        self.skipping = self.negating = False
        self.adding = kind is Kind.ADD
        if kind is Kind.UNDONE or (kind is Kind.TURN and self.editing and self._turns_a_thing(span.stop)):
            self._end_clause(True)
            self.skipping = True
            self.undone.append(value if kind is Kind.UNDONE else "changing things in the picture")

    def _turns_a_thing(self, start: int) -> bool:
        """Tell whether "make …" is about a thing in the picture ("make the car red") and not about its look."""
        definite = False
        while start < len(self.words) and self.words[start] != ".":
            length, meaning = self.lexicon.longest_at(self.words, start)
            if meaning and meaning.kind in (Kind.NOUN, Kind.PLURAL):
                return definite
            if meaning and meaning.kind in (Kind.ADD, Kind.UNDONE):
                return False
            definite = (definite or bool(meaning and meaning.kind is Kind.DEFINITE)) and self.words[start] not in (
                "a",
                "an",
            )
            start += length
        return False

    def _noun(self, span: range, noun: int, many: bool) -> None:
        waiting, self.waiting = self.waiting, _Waiting()
        there = self.editing and waiting.definite and not self.adding
        if self.negating or there:
            for unused in waiting.spans():
                self._mark(unused, "unknown")
            self.current = None
            if self.negating:
                self.avoided.append(noun)
            else:
                self.kept.append(" ".join(self.words[span.start : span.stop]))
            return
        self.adding = self.colours_go_back = False
        count = waiting.counts[-1][0] if waiting.counts else (A_FEW if many else 1)
        wish = Wish(
            noun=noun,
            colour=waiting.colours[-1][0] if waiting.colours else 0,
            size=waiting.sizes[-1][0] if waiting.sizes else 1.0,
            count=count if count >= 0 else (2 if many else 1),
        )
        for group in (waiting.colours, waiting.sizes, waiting.counts):
            for _, unused in group[:-1]:
                self._mark(unused, "unknown")
        self.wishes.append(wish)
        self.current = len(self.wishes) - 1
        for place, where in waiting.places:
            self._place(place, where)

    def _place(self, place: str, span: range) -> None:
        """Give a place to the wish it follows, else keep it for the next; "centre" fills what is not said."""
        wish = self.wishes[self.current] if self.current is not None else None
        if wish is not None and place in ("far", "near"):
            placed = replace(wish, depth=place) if not wish.depth else None
        elif wish is not None and place == "centre":
            placed = replace(wish, x=0.5 if wish.x is None else wish.x, y=0.5 if wish.y is None else wish.y)
        elif wish is not None and place in _PLACE_X:
            placed = replace(wish, x=_PLACE_X[place]) if wish.x in (None, 0.5) else None
        elif wish is not None:
            placed = replace(wish, y=_PLACE_Y[place]) if wish.y in (None, 0.5) else None
        else:
            placed = None
        if placed is None or self.current is None:
            self.waiting.places.append((place, span))
        else:
            self.wishes[self.current] = placed

    def _whole_picture(self, span: range, kind: Kind, value: str) -> None:
        """Take a look, or a part of the background with the colours said before it."""
        if kind is Kind.LOOK or (kind is Kind.TIME and self.editing):
            if value not in self.looks:
                self.looks.append(value)
            return
        if self.editing or self.negating:
            self._mark(span, "unknown")
            return
        known = self.background or Background()
        colours = tuple(colour for colour, _ in self.waiting.colours)
        self.waiting = _Waiting(places=self.waiting.places)
        self.background = Background(
            ground=value if kind is Kind.GROUND else known.ground,
            time=value if kind is Kind.TIME else known.time,
            colours=(known.colours + colours)[:2],
            gradient=known.gradient or kind is Kind.GRADIENT,
        )
        self.colours_go_back = True

    def _end_clause(self, closes: bool) -> None:
        """Hand back colours with no noun to come; at a full stop or "and", forget which noun was spoken of."""
        if self.waiting.colours and self.colours_go_back and self.background is not None:
            colours = tuple(colour for colour, _ in self.waiting.colours)
            self.background = replace(self.background, colours=(self.background.colours + colours)[:2])
            self.waiting.colours = []
        elif self.waiting.colours and self.current is not None and not self.wishes[self.current].colour:
            colour, _ = self.waiting.colours.pop(0)
            self.wishes[self.current] = replace(self.wishes[self.current], colour=colour)
        for _, span in self.waiting.counts:
            self._mark(span, "unknown")
        self.waiting.counts = []
        if closes:
            self.current = None
            self.negating = self.waiting.definite = False

    def _finish(self) -> Understood:
        """Give places that still wait to the last wish, count the objects, sort the words by fate."""
        if self.wishes and self.waiting.places:
            self.current = len(self.wishes) - 1
            places, self.waiting.places = self.waiting.places, []
            for place, where in places:
                self._place(place, where)
        for span in self.waiting.spans():
            self._mark(span, "unknown")
        wishes: list[Wish] = []
        room = MAX_OBJECTS
        for wish in self.wishes:
            if (taken := min(wish.count, room)) > 0:
                wishes.append(replace(wish, count=taken))
            room -= taken
        by_fate = {
            fate: tuple(self.words[position] for position in sorted(self.fates) if self.fates[position] == fate)
            for fate in ("understood", "ignored", "unknown")
        }
        return Understood(
            objects=tuple(wishes),
            background=self.background,
            looks=tuple(self.looks),
            avoided=tuple(self.avoided),
            undone=tuple(dict.fromkeys(self.undone)),
            kept=tuple(dict.fromkeys(self.kept)),
            left_out=sum(wish.count for wish in self.wishes) - sum(wish.count for wish in wishes),
            **by_fate,
        )
