"""The sprites: every noun and colour there, layers premultiplied and in range, the same for the same dice."""

import random

import numpy as np
import pytest

pytestmark = pytest.mark.training


def test_layers_are_premultiplied_in_range_and_repeatable() -> None:
    import sprites

    drawn = sprites.Sprites.draw()
    assert len(drawn.pixels) == len(drawn.nouns) * len(sprites.COLOURS)
    layers, nouns, colours = drawn.batch(32, random.Random(3))
    assert layers.shape == (32, 4, sprites.SIDE, sprites.SIDE)
    assert layers.dtype == np.float32
    assert nouns.max() < len(drawn.nouns)
    assert colours.max() < len(sprites.COLOURS)
    pixels = layers * 0.5 + 0.5
    assert pixels.min() >= -1e-3
    assert pixels.max() <= 1 + 1e-3
    assert (pixels[:, :3] <= pixels[:, 3:] + 1e-3).all()
    assert (pixels[:, 3].mean((1, 2)) > 0.05).all()  # something is drawn
    np.testing.assert_array_equal(layers, drawn.batch(32, random.Random(3))[0])


def test_a_tint_has_its_hue() -> None:
    import sprites

    sprite = sprites.render("🎈")
    for colour in ("red", "green", "blue", "purple"):
        rgb = sprites.tint(sprite[..., :3].copy(), colour)[sprite[..., 3] > 0.5].mean(0)
        assert sprites.colour_distance(colour, tuple(rgb)) < 12


def test_the_packaged_vocabulary_is_the_objects_file() -> None:
    import sprites
    from gesso.engines.builtin.vocabulary import load_vocabulary

    vocabulary = load_vocabulary()
    assert [noun.word for noun in vocabulary.nouns] == list(sprites.read_objects())
    assert vocabulary.colours == sprites.COLOURS
    assert vocabulary.side == sprites.SIDE
    for noun, entry in zip(vocabulary.nouns, sprites.read_objects().values(), strict=True):
        assert list(noun.synonyms) == entry["synonyms"]
