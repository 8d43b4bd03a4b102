"""Enlarging keeps what a layer shows: edges crisp and in their place, gradients smooth, no colour that was not there."""

import numpy as np
import pytest

from gesso.engines.builtin.enlarge import enlarge

Layer = np.ndarray


def layer_of(colour: np.ndarray, alpha: np.ndarray) -> Layer:
    """A layer of straight colours [s, s, 3] and alpha [s, s], both in 0..1: float32 [4, s, s] in -1..1."""
    pixels = np.concatenate([colour * alpha[..., None], alpha[..., None]], -1)
    return (pixels.transpose(2, 0, 1) * 2 - 1).astype(np.float32)


def coverage(side: int, *, radius: float = 0.375, fine: int = 8) -> np.ndarray:
    """How much of each pixel a disc in the middle covers, counted on a finer grid: float64 [side, side]."""
    line = (np.arange(side * fine) + 0.5) / (side * fine) - 0.5
    return (np.hypot(line[:, None], line[None]) < radius).reshape(side, fine, side, fine).mean((1, 3))


def halves(side: int) -> np.ndarray:
    """Red on the left, blue on the right: [side, side, 3]."""
    colour = np.zeros((side, side, 3))
    colour[:, : side // 2, 0] = colour[:, side // 2 :, 2] = 1
    return colour


def edge_energy(pixels: np.ndarray) -> float:
    """Sum of the squared differences between neighbours, over white, of uint8 [s, s, 4], premultiplied."""
    shown = pixels[..., :3] / 255 + (1 - pixels[..., 3:] / 255)
    return float((np.diff(shown, axis=0) ** 2).sum() + (np.diff(shown, axis=1) ** 2).sum())


@pytest.mark.parametrize("layer_side", [64, 128])
@pytest.mark.parametrize("side", [150, 256, 512, 1000])
def test_an_outline_keeps_its_place_and_is_as_steep_as_one_drawn_at_that_size(layer_side: int, side: int) -> None:
    layer = layer_of(np.ones((layer_side, layer_side, 3)), coverage(layer_side))
    alpha = enlarge(layer, side)[..., 3] / 255
    drawn = coverage(side, fine=4)
    assert np.abs(alpha - drawn).mean() < 0.7 / side + 0.25 / layer_side  # softer by a pixel, aside by less than half
    share = 0.2 if layer_side == 64 else 0.38
    assert (np.diff(alpha, axis=1) ** 2).sum() > share * (np.diff(drawn, axis=1) ** 2).sum()


@pytest.mark.parametrize("side", [256, 512])
def test_an_edge_between_two_colours_is_as_crisp_as_an_outline(side: int) -> None:
    line = enlarge(layer_of(halves(128), np.ones((128, 128))), side)[side // 2].astype(int)
    between = ((line[:, 0] > 12) & (line[:, 0] < 243)).sum()
    assert 1 <= between <= 4
    assert line[side // 2 - 6, :3].tolist() == pytest.approx([255, 0, 0], abs=2)
    assert line[side // 2 + 5, :3].tolist() == pytest.approx([0, 0, 255], abs=2)


def test_a_gradient_stays_a_gradient() -> None:
    ramp = np.broadcast_to(np.linspace(0.2, 0.8, 128)[None, :, None], (128, 128, 3))
    large = enlarge(layer_of(ramp, np.ones((128, 128))), 768)
    expected = np.interp((np.arange(768) + 0.5) / 6 - 0.5, np.arange(128), np.linspace(51, 204, 128))
    assert np.abs(large[384, 12:-12, 0] - expected[12:-12]).max() < 2


def test_no_colour_is_drawn_that_is_not_there() -> None:
    colour = np.where((np.add.outer(np.arange(128) // 5, np.arange(128) // 7) % 2)[..., None] > 0, 0.3, 0.7)
    large = enlarge(layer_of(np.broadcast_to(colour, (128, 128, 3)), np.ones((128, 128))), 700)
    assert large[..., :3].min() >= 76
    assert large[..., :3].max() <= 179


def test_a_rim_that_is_darker_than_the_thing_leaves_no_fringe() -> None:
    alpha = coverage(128)
    colour = np.where(alpha[..., None] < 1, alpha[..., None], 1.0) * [1.0, 0.8, 0.0]  # darker where it is thinner
    large = enlarge(layer_of(colour, alpha), 512).astype(float)
    solid = large[..., 3] > 200
    assert (large[solid][:, 0] / large[solid][:, 3]).min() > 0.75


def test_what_is_half_clear_stays_half_clear() -> None:
    large = enlarge(layer_of(np.full((128, 128, 3), 0.6), coverage(128) * 0.48), 512)
    assert large[256, 256, 3] == pytest.approx(128, abs=3)  # (0.48 - 0.10) / (0.86 - 0.10)
    assert large[256, 256, 0] == pytest.approx(0.6 * 128, abs=3)


def test_fine_stripes_have_more_energy_than_a_plain_resize_gives_them() -> None:
    from PIL import Image

    stripes = np.broadcast_to(np.where(np.arange(128) // 4 % 2, 0.9, 0.1)[None, :, None], (128, 128, 3))
    plain = Image.fromarray((stripes * 255).astype(np.uint8)).resize((512, 512), Image.Resampling.BICUBIC)
    opaque = np.dstack([np.asarray(plain), np.full((512, 512), 255, np.uint8)])
    assert edge_energy(enlarge(layer_of(stripes, np.ones((128, 128))), 512)) > 1.3 * edge_energy(opaque)


@pytest.mark.parametrize("layer_side", [64, 128])
def test_a_crumb_goes_with_its_rim_and_a_part_stays(layer_side: int) -> None:
    factor = layer_side // 64
    alpha = coverage(64, radius=0.25)
    alpha[2:4, 2:4] = 1  # a crumb of 4 pixels in about 800, with a faint rim
    alpha[1, 1:5] = alpha[4, 1:5] = 0.25
    alpha[56:62, 52:60] = 1
    large = enlarge(layer_of(np.ones((layer_side, layer_side, 3)), alpha.repeat(factor, 0).repeat(factor, 1)), 256)
    assert not large[:32, :32].any()
    assert large[236, 224, 3] == 255


def test_an_empty_layer_is_empty() -> None:
    assert not enlarge(np.full((4, 128, 128), -1, np.float32), 300).any()
