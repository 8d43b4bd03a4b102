"""Composition: the "over" of the textbook, to the bit; enlarging; shadows; the place an edit starts from."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from gesso.engines.builtin.compose import Region, cast_shadow, compose
from gesso.engines.builtin.enlarge import enlarge
from gesso.engines.builtin.place import as_layer, keep_detail, take_place


def disc(side: int = 64, radius: float = 24) -> np.ndarray:
    """A network's layer of an opaque orange disc: float32 [4, side, side] in -1..1."""
    line = np.arange(side) - side / 2 + 0.5
    alpha = np.clip(radius - np.hypot(line[:, None], line[None]) + 0.5, 0, 1)
    rgba = np.stack([alpha * 1.0, alpha * 0.5, alpha * 0.0, alpha])
    return (rgba * 2 - 1).astype(np.float32)


@st.composite
def layers(draw: st.DrawFn) -> np.ndarray:
    layer = draw(arrays.arrays(np.uint8, st.tuples(st.integers(1, 6), st.integers(1, 6), st.just(4))))
    layer[..., 3] *= draw(arrays.arrays(np.uint8, layer.shape[:2], elements=st.sampled_from([0, 1])))
    return np.minimum(layer, layer[..., 3:])


canvases = arrays.arrays(np.uint8, st.tuples(st.integers(1, 8), st.integers(1, 8), st.sampled_from([3, 4])))


@given(canvases, layers(), st.integers(-7, 9), st.integers(-7, 9))
def test_over_matches_real_arithmetic_and_keeps_what_is_not_covered(
    canvas: np.ndarray, layer: np.ndarray, left: int, top: int
) -> None:
    before = canvas.copy()
    region = compose(canvas, layer, left, top)
    touched = np.zeros(canvas.shape[:2], bool)
    for y in range(canvas.shape[0]):
        for x in range(canvas.shape[1]):
            row, column = y - top, x - left
            inside = 0 <= row < layer.shape[0] and 0 <= column < layer.shape[1]
            if not inside or layer[row, column, 3] == 0:
                assert canvas[y, x].tolist() == before[y, x].tolist()
                continue
            touched[y, x] = True
            share = layer[row, column, 3] / 255
            below = before[y, x, 3] / 255 if canvas.shape[2] == 4 else 1.0
            alpha = share + below * (1 - share)
            colour = (layer[row, column, :3] + before[y, x, :3] * below * (1 - share)) / alpha
            assert np.abs(canvas[y, x, :3] - colour).max() <= 1.01
            if canvas.shape[2] == 4:
                assert abs(canvas[y, x, 3] - alpha * 255) <= 0.51
    if not touched.any():
        assert region is None
    else:
        rows, columns = np.nonzero(touched)
        assert region == Region(
            columns.min(), rows.min(), columns.max() - columns.min() + 1, rows.max() - rows.min() + 1
        )


@given(canvases, layers(), st.data())
def test_a_mask_of_0_keeps_every_bit_and_255_is_the_whole_layer(
    canvas: np.ndarray, layer: np.ndarray, data: st.DataObject
) -> None:
    mask = data.draw(arrays.arrays(np.uint8, canvas.shape[:2], elements=st.sampled_from([0, 90, 255])))
    whole, masked = canvas.copy(), canvas.copy()
    compose(whole, layer, 0, 0)
    compose(masked, layer, 0, 0, mask)
    np.testing.assert_array_equal(masked[mask == 0], canvas[mask == 0])
    np.testing.assert_array_equal(masked[mask == 255], whole[mask == 255])


def test_half_a_mask_is_half_the_layer() -> None:
    canvas = np.zeros((1, 1, 3), np.uint8)
    compose(canvas, np.full((1, 1, 4), 255, np.uint8), 0, 0, np.full((1, 1), 128, np.uint8))
    assert canvas.tolist() == [[[128, 128, 128]]]


@pytest.mark.parametrize("side", [16, 64, 100, 512, 1024, 1500])
def test_enlarging_keeps_shape_and_colour_and_stays_premultiplied(side: int) -> None:
    large = enlarge(disc(), side)
    assert large.shape == (side, side, 4)
    assert (large[..., :3] <= large[..., 3:]).all()
    assert large[side // 2, side // 2].tolist() == pytest.approx([255, 128, 0, 255], abs=1)
    assert large[0, 0].tolist() == [0, 0, 0, 0]
    area = (large[..., 3] / 255).sum() / side**2
    assert area == pytest.approx(np.pi * 24**2 / 64**2, rel=0.03)


@pytest.mark.parametrize("side", [256, 512, 1024])
def test_outlines_are_steeper_than_a_plain_resize_makes_them(side: int) -> None:
    alpha = enlarge(disc(), side)[side // 2, :, 3].astype(int)
    soft = ((alpha > 12) & (alpha < 243)).sum() / 2  # pixels in between, per edge
    assert soft <= 1.5 * side / 64


def test_haze_of_the_network_is_no_pixel() -> None:
    hazy = np.full((4, 64, 64), -0.9, np.float32)  # 5 % of everything, everywhere
    assert not enlarge(hazy, 128).any()


def test_crumbs_are_left_out_and_parts_are_not() -> None:
    layer = disc(radius=16)
    layer[:, 2:4, 2:4] = 1  # 4 of about 800 pixels
    layer[:, 56:62, 52:60] = 1  # 48 of them
    large = enlarge(layer, 128)
    assert not large[:12, :12].any()
    assert large[118, 112, 3] == 255


def test_a_shadow_is_black_soft_and_below() -> None:
    layer = enlarge(disc(), 200)
    shaded = cast_shadow(layer)
    added = shaded[: layer.shape[0], :, 3].astype(int) - layer[..., 3]
    np.testing.assert_array_equal(shaded[: layer.shape[0], :, :3], layer[..., :3])
    assert 40 < added.max() < 100
    assert added.min() >= 0
    assert not added[: layer.shape[0] // 2].any()
    assert not shaded[:, 0, 3].any()  # it ends inside the layer
    assert not cast_shadow(np.zeros((20, 20, 4), np.uint8)).any()


def test_a_place_over_the_edge_goes_on_as_the_edge() -> None:
    canvas = np.arange(4 * 4 * 3, dtype=np.uint8).reshape(4, 4, 3)
    place = take_place(canvas, -2, -1, 4)
    assert place[0, 0].tolist() == canvas[0, 0].tolist()
    assert place[1, 2].tolist() == canvas[0, 0].tolist()
    assert place[3, 3].tolist() == canvas[2, 1].tolist()


def test_a_place_as_a_layer_is_a_disc_of_its_colours() -> None:
    layer = as_layer(np.full((100, 100, 3), 255, np.uint8), 64)
    assert layer.shape == (1, 4, 64, 64)
    assert layer[0, :, 32, 32].tolist() == [1, 1, 1, 1]
    assert layer[0, :, 0, 0].tolist() == [-1, -1, -1, -1]


def test_the_weaker_the_edit_the_more_of_the_place_shows() -> None:
    place = np.random.default_rng(1).integers(0, 256, (160, 160, 3), np.uint8)
    layer = enlarge(as_layer(place, 64)[0], 160)  # as a network returns it that changes nothing
    errors = []
    for strength in (0.9, 0.5, 0.1):
        canvas = place.copy()
        compose(canvas, keep_detail(layer, place, 64, strength), 0, 0)
        errors.append(np.abs(canvas.astype(int) - place).mean())
    assert errors[0] > errors[1] > errors[2]
