"""Fitting the finder: few windows of few kinds suffice to tell these apart; windows without a thing hold none."""

import random

import numpy as np
import pytest

pytestmark = pytest.mark.training


def test_a_small_fit_tells_its_kinds_apart_in_fresh_windows() -> None:
    import find
    from gesso.engines.builtin.finder import Finder
    from scenes import Scenes
    from sprites import COLOURS, Sprites, render

    words = {"star": "⭐", "car": "🚗", "umbrella": "☂️", "snail": "🐌"}
    pixels = {}
    for noun, glyph in enumerate(words.values()):
        sprite = render(glyph)
        flat = np.concatenate([sprite[..., :3] * sprite[..., 3:], sprite[..., 3:]], -1)
        for colour in range(len(COLOURS)):
            pixels[noun, colour] = (flat * 255 + 0.5).astype(np.uint8)
    dice = random.Random(1)
    scenes = Scenes(Sprites(tuple(words), pixels), dice, backdrops=8)

    def windows(each: int) -> tuple[np.ndarray, np.ndarray]:
        kinds = np.repeat(np.arange(len(words)), each)
        return kinds, find.flat(np.stack([find.window(scenes, noun, dice) for noun in kinds.tolist()]))

    kinds, things = windows(12)
    none = find.nothing(scenes, dice, 250)
    assert none.shape == (250, 48, 48, 3)
    numbers = find.fit(kinds, things, find.flat(none))
    outlines = find.outlines(scenes.sprites)
    finder = Finder(**{name: value.astype(np.float32) for name, value in numbers.items()}, outlines=outlines)
    fresh, seen = windows(10)
    evidence = finder.evidence(finder.place(seen))
    assert (evidence.argmax(1) == fresh).mean() > 0.8
    empty = finder.evidence(finder.place(find.flat(find.nothing(scenes, dice, 80))))
    own = evidence[np.arange(len(fresh)), fresh]
    assert np.median(own) > np.percentile(empty.max(1), 90)
