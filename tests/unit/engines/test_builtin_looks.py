"""Looks: numbers worked out by hand, exact at full strength, untouched where mask or strength is 0."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageEnhance, ImageOps

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
        ("fog", (0, 0, 0), (120, 122, 125)),
        ("fog", (255, 255, 255), (235, 237, 240)),
        ("night", (255, 255, 255), (92, 117, 184)),
        ("night", (0, 0, 0), (0, 8, 26)),
        ("sunset", (0, 0, 0), (26, 0, 15)),
        ("sunset", (255, 255, 255), (255, 235, 168)),
    ],
)
def test_pinned_colours(look: str, colour: tuple[int, int, int], expected: tuple[int, int, int]) -> None:
    (got,) = looked(look, colour)
    assert np.abs(np.subtract(got, expected)).max() <= (1 if look in ("vivid", "muted") else 0), got


# ── Each look once more in floating point: from Pillow, from the papers' matrices, or from its formula in words ───────


def _saturated(rgb: np.ndarray, share: float) -> np.ndarray:
    grey = rgb @ np.array([0.299, 0.587, 0.114])
    return np.clip(grey[..., None] + (rgb - grey[..., None]) * share, 0, 1)


def _gammas(rgb: np.ndarray, *powers: float) -> np.ndarray:
    return np.exp(np.log(np.maximum(rgb, 1e-12)) * np.array(powers))


def _line(rgb: np.ndarray, black: tuple[float, ...], white: tuple[float, ...]) -> np.ndarray:
    """What lies between the colours that black and white become."""
    return (1 - rgb) * np.array(black) + rgb * np.array(white)


def _by_pillow(enhance: type, factor: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(rgb: np.ndarray) -> np.ndarray:
        image = Image.fromarray((rgb * 255 + 0.5).astype(np.uint8)[None])
        return np.asarray(enhance(image).enhance(factor))[0] / 255

    return change


def _grey_by_pillow(rgb: np.ndarray) -> np.ndarray:
    image = Image.fromarray((rgb * 255 + 0.5).astype(np.uint8)[None]).convert("L")
    return np.asarray(image)[0, :, None].repeat(3, -1) / 255


SEPIA = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])

# Look -> the second computation, and how many levels the two may be apart (rounding, weights of a 256th; Pillow cuts off).
SECOND: dict[str, tuple[Callable[[np.ndarray], np.ndarray], float]] = {
    "grayscale": (_grey_by_pillow, 1.01),
    "sepia": (lambda rgb: rgb @ SEPIA.T, 1.5),
    "warmer": (lambda rgb: _gammas(rgb, 0.8, 1, 1.3), 0.51),
    "cooler": (lambda rgb: _gammas(rgb, 1.3, 1, 0.8), 0.51),
    "brighter": (lambda rgb: _gammas(rgb, 0.65, 0.65, 0.65), 0.51),
    "darker": (lambda rgb: _gammas(rgb, 1.3, 1.3, 1.3) * 0.8, 0.51),
    "more contrast": (lambda rgb: _line(rgb, (-0.2,) * 3, (1.2,) * 3), 0.51),
    "less contrast": (lambda rgb: _line(rgb, (0.2,) * 3, (0.8,) * 3), 0.51),
    "invert": (lambda rgb: np.asarray(ImageOps.invert(Image.fromarray((rgb * 255 + 0.5).astype(np.uint8)))) / 255, 0),
    "vivid": (_by_pillow(ImageEnhance.Color, 1.6), 2.01),
    "muted": (_by_pillow(ImageEnhance.Color, 0.45), 3.01),
    "vintage": (lambda rgb: _line(_saturated(rgb, 0.65), (0.13, 0.11, 0.17), (0.97, 0.90, 0.77)), 2.01),
    "night": (
        lambda rgb: _line(_gammas(_saturated(rgb, 0.55), 1.4, 1.3, 1.1), (0, 0.03, 0.10), (0.36, 0.46, 0.72)),
        2.01,
    ),
    "fog": (lambda rgb: _line(_saturated(rgb, 0.5), (0.47, 0.48, 0.49), (0.92, 0.93, 0.94)), 2.01),
    "sunset": (lambda rgb: _line(_gammas(rgb, 0.75, 1.15, 1.3), (0.10, 0, 0.06), (1, 0.92, 0.66)), 0.51),
}


@pytest.mark.parametrize("look", sorted(LOOKS))
def test_a_second_computation_gives_the_same(look: str) -> None:
    line = np.linspace(0, 255, 18).round().astype(np.uint8)
    colours = np.stack(np.meshgrid(line, line, line, indexing="ij"), -1).reshape(1, -1, 3)
    after = colours.copy()
    apply_looks(after, [look], 1.0, None)
    second, apart = SECOND[look]
    expected = np.clip(second(colours[0] / 255), 0, 1) * 255
    assert np.abs(after[0] - expected).max() <= apart


def test_twelve_looks_of_which_a_newcomer_asks_are_there() -> None:
    asked = {"grayscale", "sepia", "warmer", "cooler", "brighter", "darker", "more contrast", "vintage"}
    assert asked | {"night", "sunset", "fog", "invert"} <= set(LOOKS)


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
