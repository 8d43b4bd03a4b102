"""Rows "generate": one object, two in one prompt, one to three of a kind."""

from __future__ import annotations

from gesso.engines.builtin.vocabulary import plurals
from parts import Box
from rows.studio import PLAIN, Studio, some
from shares import Row, Share, Trial

PAIRS, COUNTS = 60, 60
_PIECE = 0.2  # of the largest part: a smaller one is a piece of something, a kite's tail
_NUMBERS = {1: "one", 2: "two", 3: "three"}


def rows(studio: Studio) -> list[Row]:
    singles = [_single(studio, number) for number in range(studio.some(len(studio.nouns)))]
    pairs = [_pair(studio, number) for number in range(studio.some(PAIRS))]
    strangers = [_stranger(studio, number, pair) for number, pair in enumerate(pairs)]
    counts = [_count(studio, number) for number in range(studio.some(COUNTS))]
    return [
        Share("generate: the asked object recognised (top 1)", 0.90, singles),
        Share("generate: two objects in one prompt, both found", 0.75, pairs, slack=0.12),
        Share("(check of the judge: a third object, not asked for, is not found)", 0.97, strangers),
        Share("generate: count of 1 to 3 right", 0.80, counts, slack=0.12),
    ]


def _single(studio: Studio, number: int) -> Trial:
    """Ask for a thing and nothing else, as a newcomer would; the clearest thing anywhere in the picture must be it."""
    noun = studio.noun(number)
    picture = studio.easel.paint(some(noun), 5000 + number).pixels
    seen = studio.judge.clearest(picture)
    return Trial(some(noun), seen.noun == noun, seen.noun or "nothing", picture)


def _pair(studio: Studio, number: int) -> Trial:
    first, second = studio.noun(3 * number), studio.noun(3 * number + 1)
    background = f"a {PLAIN[number % len(PLAIN)]} background" if number % 2 else "the grass"
    prompt = f"{some(first)} and {some(second)} on {background}"
    added = studio.added(prompt, background, 6000 + number)
    boxes = [part.box for part in added.parts]
    missing = [noun for noun in (first, second) if studio.judge.find(added.picture, noun, boxes) is None]
    return Trial(prompt, not missing, f"no {', no '.join(missing)}" if missing else "both", added.picture)


def _stranger(studio: Studio, number: int, pair: Trial) -> Trial:
    """Look for a third thing in the picture of two: the judge must not see whatever it is asked for."""
    noun = studio.noun(3 * number + 2)
    assert pair.picture is not None
    height, width = pair.picture.shape[:2]
    found = studio.judge.find(pair.picture, noun, [Box(0, 0, width, height)])
    return Trial(f"{pair.asked}: no {noun}", found is None)


def _count(studio: Studio, number: int) -> Trial:
    """Ask for some of a kind on a plain background; each connected part that is that kind counts."""
    noun, asked = studio.noun(7 * number + 3), number % 3 + 1
    background = f"a {PLAIN[number % len(PLAIN)]} background"
    many = noun if asked == 1 else next(iter(plurals(noun)), noun)
    prompt = f"{_NUMBERS[asked]} {many} on {background}"
    added = studio.added(prompt, background, 7000 + number)
    whole = [part for part in added.parts if part.area >= _PIECE * added.parts[0].area]
    seen = [studio.judge.see(added.picture, part.box).noun for part in whole]
    right = seen.count(noun)
    return Trial(prompt, right == asked == len(seen), f"{right} of it, {len(seen)} parts", added.picture)
