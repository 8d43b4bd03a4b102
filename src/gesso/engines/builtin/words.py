"""Read a prompt into what to draw: objects with colour, size, number and place, a background, looks; nothing guessed.

The grammar is a single walk from left to right over the longest known phrases. Colours, sizes and numbers wait for the
noun they stand before ("two small red ducks"); a colour or a place with no noun to come goes back to the one before
("a duck, blue, on the left"). Clauses that change what is in a picture are commands.py's. Every word of the prompt ends
as understood, ignored or unknown, exactly once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gesso.engines.builtin.commands import UNDONE, read_command
from gesso.engines.builtin.drafts import Draft, Waiting
from gesso.engines.builtin.lexicon import THINGS, VERBS, Kind, Lexicon, Phrase, split_words
from gesso.engines.builtin.vocabulary import Vocabulary
from gesso.engines.builtin.wishes import REFERENCE, Avoided, Background, Change, Understood

_FILLERS = (Kind.STOP, Kind.AND, Kind.DEFINITE, Kind.EVERY)
_BEFORE_A_THING = (Kind.STOP, Kind.DEFINITE, Kind.EVERY, Kind.COLOUR, Kind.SIZE, Kind.COUNT, Kind.PAIR)
_BEHIND_ALL = (Kind.GROUND, Kind.BACKDROP, Kind.GRADIENT, Kind.TIME)
_POINTING = ("this", "that", "these", "those")
_PICTURES = ("picture", "image", "photo", "photograph", "scene", "style", "side", "is", "version", "look", "effect")


def understand(text: str, vocabulary: Vocabulary, *, editing: bool, referring: bool = False) -> Understood:
    """Read a prompt. When `editing`, "the cup" is taken to be there already, and night and sunset are looks.

    When `referring`, reference pictures are given: "add this" asks for what they show (a wish for REFERENCE).
    """
    return _Reader(text, vocabulary, editing, referring).read()


def avoid(text: str, vocabulary: Vocabulary) -> Avoided:
    """Read a negative prompt: its first noun and its first colour count, other words than fillers are unused."""
    noun: int | None = None
    colour: int | None = None
    unused: list[str] = []
    for phrase in Lexicon.of(vocabulary).read(split_words(text)):
        if phrase.kind in (Kind.NOUN, Kind.PLURAL) and noun is None:
            noun = int(phrase.value)
        elif phrase.kind is Kind.COLOUR and colour is None:
            colour = int(phrase.value)
        elif phrase.kind not in (Kind.MARK, Kind.WITHOUT, *_FILLERS):
            unused += phrase.text.split()
    return Avoided(noun, colour, tuple(unused))


class _Reader:
    """One walk over one prompt."""

    def __init__(self, text: str, vocabulary: Vocabulary, editing: bool, referring: bool) -> None:
        self.vocabulary, self.editing, self.referring = vocabulary, editing, referring
        self.words = split_words(text)
        self.phrases = Lexicon.of(vocabulary).read(self.words)
        self.draft, self.waiting = Draft(), Waiting()
        self.changes: list[Change] = []
        self.background: Background | None = None
        self.colours_go_back = False  # to the background, just named
        self.looks: list[str] = []
        self.avoided: list[int] = []
        self.undone: list[str] = []
        self.kept: list[str] = []
        self.skipping = False  # inside a clause about something this version does not do
        self.negating = False
        self.adding = False
        self.fates: dict[int, str] = {}

    def read(self) -> Understood:
        place = 0
        while place < len(self.phrases):
            if self.phrases[place].kind in VERBS:
                place = self._verb(place)
            elif not self.skipping and self._refers(place):
                place = self._reference(place)
            else:
                self._take(place)
                place += 1
        self._end_clause(True)
        return self._finish()

    def _mark(self, phrases: Iterable[Phrase], fate: str = "") -> None:
        """Say what became of phrases; without a fate: what their meaning alone says."""
        for phrase in phrases:
            known = "unknown" if phrase.meaning is None else "ignored" if phrase.kind in _FILLERS else "understood"
            if phrase.kind is not Kind.MARK:
                self.fates.update(dict.fromkeys(phrase.span, fate or known))

    def _verb(self, place: int) -> int:
        """Begin a clause, read the whole of it where it changes things; return the next place."""
        self.skipping = self.negating = False
        verb = self.phrases[place]
        command = read_command(self.phrases, place, self.vocabulary, referring=self.referring) if self.editing else None
        if command is not None:
            self._end_clause(True)
            self._mark(self.phrases[place : command.stop])
            self._mark([self.phrases[number] for number in command.unused], "unknown")
            self.changes += command.changes
            self.undone += [command.undone] if command.undone else []
            self.adding = bool(command.changes)  # "… and a bird": put there beside what was changed
            return command.stop
        self._mark([verb])
        self.adding = verb.kind is Kind.ADD
        if verb.kind not in (Kind.ADD, Kind.TURN):
            self._end_clause(True)
            self.skipping = True
            self.undone.append(UNDONE.get(verb.kind, str(verb.value)))
        return place + 1

    def _refers(self, place: int) -> bool:
        """Tell whether a phrase asks for the reference's thing: "add this", "put it …", "the object", "this mug"."""
        phrase = self.phrases[place]
        if not self.referring or self.negating or (self.editing and not self.adding):
            return False
        if phrase.kind is Kind.REFERENCE:
            return self.adding or phrase.text != "reference"
        if phrase.text == "it":
            return self.adding and not self.draft.wishes
        after = self.phrases[place + 1].text if place + 1 < len(self.phrases) else ""
        return phrase.text in _POINTING and after not in _PICTURES

    def _reference(self, place: int) -> int:
        """Wish for the reference's thing; what names it again ("this object of the reference") adds nothing."""
        last = self.draft.wishes[self.draft.current] if self.draft.current is not None else None
        if last is None or last.noun != REFERENCE:
            self._wish((REFERENCE,), many=False)
        self._mark(self.phrases[place : place + 1], "understood")
        self.adding = True
        end = place + 1
        while end < len(self.phrases) and self.phrases[end].kind in (Kind.COLOUR, Kind.SIZE):
            end += 1
        if self.phrases[place].text in _POINTING and end < len(self.phrases) and self.phrases[end].kind in THINGS:
            self._mark(self.phrases[place : end + 1])
            return end + 1  # "this red mug": whatever the reference shows
        return place + 1

    def _take(self, place: int) -> None:
        """Give one phrase its effect and its fate."""
        phrase = self.phrases[place]
        kind, value = phrase.kind, phrase.value
        self._mark([phrase])
        if kind is Kind.MARK:
            self._end_clause(phrase.text == ".")
        elif self.skipping or kind is None:
            return
        elif kind in (Kind.DEFINITE, Kind.STOP, Kind.EVERY):
            self._filler(phrase)
        elif kind is Kind.AND:
            self._end_clause(True)
        elif kind is Kind.WITHOUT:
            self.negating = True
        elif kind in THINGS:
            self._thing(phrase)
        elif kind is Kind.COLOUR:
            self.waiting.colours.append((int(value), phrase))
        elif kind is Kind.SIZE:
            self.waiting.sizes.append((float(value), phrase))
        elif kind in (Kind.COUNT, Kind.PAIR):
            self.waiting.counts.append((int(value) if kind is Kind.COUNT else -1, phrase))
        elif kind is Kind.RELATION:
            self._relation(place)
        elif kind is Kind.PLACE:
            self._place(phrase)
        elif kind is Kind.REFERENCE:
            self._mark([phrase], "unknown")
        else:
            self._whole_picture(phrase)

    def _filler(self, phrase: Phrase) -> None:
        if phrase.kind is Kind.DEFINITE:
            self.waiting.definite = True
        elif phrase.text in ("a", "an"):
            self.waiting.definite = False
        elif phrase.text == "it" and self.adding and self.draft.wishes:
            self.draft.current = len(self.draft.wishes) - 1  # "add a duck and put it on the left"

    def _thing(self, phrase: Phrase) -> None:
        """Wish for a thing, unless it is not wanted, or there already."""
        many, sort = phrase.kind in (Kind.PLURAL, Kind.SORTS), phrase.kind in (Kind.SORT, Kind.SORTS)
        if not self.negating and not (self.editing and self.waiting.definite and not self.adding):
            nouns = self.vocabulary.members(str(phrase.value)) if sort else (int(phrase.value),)
            self._wish(nouns, many=many)
            return
        self._mark(self.waiting.phrases(), "unknown")
        self.waiting = Waiting()
        self.draft.current = None
        self._forget_relation()
        if not self.negating:
            self.kept.append(phrase.text)
        elif sort:
            self._mark([phrase], "unknown")
        else:
            self.avoided.append(int(phrase.value))

    def _wish(self, nouns: tuple[int, ...], *, many: bool) -> None:
        waiting, self.waiting = self.waiting, Waiting()
        self.adding = self.colours_go_back = False
        self._mark(self.draft.add(nouns, waiting, many=many), "unknown")

    def _relation(self, place: int) -> None:
        """Keep a relation for the thing that follows; without one, and one before it, it says nothing."""
        phrase = self.phrases[place]
        following = next((p for p in self.phrases[place + 1 :] if p.kind not in _BEFORE_A_THING), None)
        related = self.draft.current is not None and following is not None and following.kind in THINGS
        whose = self.draft.current
        if related and whose is not None and not self.draft.wishes[whose].relation:
            self.draft.relation = (str(phrase.value), whose, phrase)
        elif phrase.value in ("on", "beside") or (following is not None and following.kind in _BEHIND_ALL):
            self._mark([phrase], "ignored")  # "by the sea", "in front of a brick wall"
        else:
            self._mark([phrase], "unknown")
        if phrase.value != "on" or related:
            self._end_clause(True)

    def _forget_relation(self) -> None:
        """Say that a relation's other thing is none that is drawn."""
        if self.draft.relation is not None:
            how, _, phrase = self.draft.relation
            self._mark([phrase], "ignored" if how in ("on", "beside") else "unknown")
            self.draft.relation = None

    def _place(self, phrase: Phrase) -> None:
        """Give a place to the wish it follows, else keep it for the next."""
        if not self.draft.place(str(phrase.value)):
            self.waiting.places.append((str(phrase.value), phrase))
        if self.words[phrase.span.stop - 1] == "sky" and not self.editing and self.background is None:
            self.background = Background(ground="sky")

    def _whole_picture(self, phrase: Phrase) -> None:
        """Take a look, or a part of the background with the colours said before it."""
        kind, value = phrase.kind, str(phrase.value)
        if kind is Kind.LOOK or (kind is Kind.TIME and self.editing):
            if value not in self.looks:
                self.looks.append(value)
            return
        if self.editing or self.negating:
            self._mark([phrase], "unknown")
            return
        known = self.background or Background()
        colours = tuple(colour for colour, _ in self.waiting.colours)
        self.waiting = Waiting(places=self.waiting.places)
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
        self.draft.take_back(self.waiting)
        self._mark([phrase for _, phrase in self.waiting.counts], "unknown")
        self.waiting.counts = []
        if closes:
            self.draft.current = None
            self.negating = self.waiting.definite = False

    def _finish(self) -> Understood:
        """Give places that still wait to the last wish, count the objects, sort the words by fate."""
        if self.draft.wishes:
            self.draft.current = len(self.draft.wishes) - 1
            self.waiting.places = [place for place in self.waiting.places if not self.draft.place(place[0])]
        self._mark(self.waiting.phrases(), "unknown")
        self._forget_relation()
        objects = self.draft.within_limit()
        used = [phrase for phrase in self.phrases if phrase.meant and self.fates[phrase.span.start] == "understood"]
        by_fate = {
            fate: tuple(self.words[position] for position in sorted(self.fates) if self.fates[position] == fate)
            for fate in ("understood", "ignored", "unknown")
        }
        return Understood(
            objects=objects,
            changes=tuple(self.changes),
            background=self.background,
            looks=tuple(self.looks),
            avoided=tuple(self.avoided),
            undone=tuple(dict.fromkeys(self.undone)),
            kept=tuple(dict.fromkeys(self.kept)),
            left_out=sum(wish.count for wish in self.draft.wishes) - sum(wish.count for wish in objects),
            corrected=tuple(dict.fromkeys((phrase.text, phrase.meant) for phrase in used)),
            **by_fate,
        )
