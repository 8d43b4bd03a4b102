"""Looks: numbers worked out by hand, exact at full strength, untouched where mask or strength is 0."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from gesso.engines.builtin.lexicon import Kind, Lexicon
from gesso.engines.builtin.looks import LOOKS, apply_looks
from gesso.engines.builtin.vocabulary import load_vocabulary

pictures = arrays.arrays(np.uint8, st.tuples(st.integers(1, 6), st.integers(1, 6), st.sampled_from([3, 4])))


def looked(look: str, *colours: tuple[int, int, int]) -> list[tuple[int, ...]]:
    pixels = np.array([colours], np.uint8)
    apply_looks(pixels, [look], 1.0, None)
    return [tuple(colour) for colour in pixels[0].tolist()]


# Each expected value was computed apart from the code: weights of BT.601 or of the usual sepia matrix, 255 (v / 255)^g
# for a power, 127.5 + (v - 127.5) c for contrast, luma + (v - luma) s for saturation, rounded.
@pytest.mark.parametrize(
    ("look", "colour", "expected"),
    [
        ("grayscale", (100, 150, 200), (141, 141, 141)),
        ("grayscale", (255, 0, 0), (77, 77, 77)),
        ("sepia", (100, 150, 200), (192, 171, 134)),
        ("sepia", (255, 255, 255), (255, 255, 239)),
        ("warmer", (128, 128, 128), (147, 128, 104)),
        ("cooler", (128, 128, 128), (104, 128, 147)),
        ("brighter", (64, 128, 255), (104, 163, 255)),
        ("darker", (255, 128, 0), (204, 83, 0)),
        ("more contrast", (100, 150, 250), (89, 159, 255)),
        ("less contrast", (0, 100, 255), (51, 111, 204)),
        ("invert", (0, 100, 255), (255, 155, 0)),
        ("vivid", (200, 100, 100), (242, 82, 82)),
        ("muted", (200, 100, 100), (161, 117, 117)),
        ("vintage", (0, 0, 0), (33, 28, 43)),
        ("vintage", (255, 255, 255), (247, 230, 196)),
        ("night", (255, 255, 255), (92, 117, 184)),
        ("night", (0, 0, 0), (0, 8, 26)),
        ("sunset", (0, 0, 0), (26, 0, 15)),
        ("sunset", (255, 255, 255), (255, 235, 168)),
    ],
)
def test_pinned_colours(look: str, colour: tuple[int, int, int], expected: tuple[int, int, int]) -> None:
    (got,) = looked(look, colour)
    assert np.abs(np.subtract(got, expected)).max() <= (1 if look in ("vivid", "muted") else 0), got


def test_every_look_a_prompt_can_name_exists_and_changes_something() -> None:
    phrases = Lexicon.of(load_vocabulary()).phrases.values()
    named = {str(meaning.value) for meaning in phrases if meaning.kind in (Kind.LOOK, Kind.TIME)}
    assert named == set(LOOKS)
    assert len(named) >= 8
    for look in named:
        assert looked(look, (200, 120, 40)) != [(200, 120, 40)]


@given(pictures, st.sampled_from(sorted(LOOKS)))
def test_alpha_stays(pixels: np.ndarray, look: str) -> None:
    after = pixels.copy()
    apply_looks(after, [look], 1.0, None)
    np.testing.assert_array_equal(after[..., 3:], pixels[..., 3:])


@given(pictures, st.sampled_from(sorted(LOOKS)), st.data())
def test_a_mask_of_0_keeps_every_bit_and_255_is_the_whole_look(
    pixels: np.ndarray, look: str, data: st.DataObject
) -> None:
    mask = data.draw(arrays.arrays(np.uint8, pixels.shape[:2], elements=st.sampled_from([0, 100, 255])))
    whole, masked = pixels.copy(), pixels.copy()
    apply_looks(whole, [look], 1.0, None)
    apply_looks(masked, [look], 1.0, mask)
    np.testing.assert_array_equal(masked[mask == 0], pixels[mask == 0])
    np.testing.assert_array_equal(masked[mask == 255], whole[mask == 255])
    low, high = np.minimum(whole, pixels), np.maximum(whole, pixels)
    assert ((masked >= low) & (masked <= high)).all()


def test_strength_blends() -> None:
    pixels = np.full((1, 1, 3), 100, np.uint8)
    apply_looks(pixels, ["invert"], 0.5, None)
    assert pixels.tolist() == [[[128, 128, 128]]]  # half way from 100 to 155, rounded half up
    apply_looks(pixels, ["invert"], 0.0, None)
    assert pixels.tolist() == [[[128, 128, 128]]]


def test_looks_follow_one_another() -> None:
    assert looked("grayscale", *looked("invert", (10, 20, 30))) == [(237, 237, 237)]
    pixels = np.array([[[10, 20, 30]]], np.uint8)
    apply_looks(pixels, ["invert", "grayscale"], 1.0, None)
    assert pixels.tolist() == [[[237, 237, 237]]]


def test_strips_of_a_large_picture_fit_together() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (700, 900, 3), np.uint8)
    whole = pixels.copy()
    apply_looks(whole, ["sepia"], 1.0, None)
    for row in (0, 291, 292, 699):
        np.testing.assert_array_equal(whole[row], np.array(looked("sepia", *map(tuple, pixels[row].tolist()))))
