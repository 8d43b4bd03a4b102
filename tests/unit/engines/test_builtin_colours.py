"""Colours of references: nothing where nothing is asked, the reference's mean and spread where all is, bits outside."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gesso.domain.picture import DecodedPicture
from gesso.engines.builtin.colours import (
    Palette,
    palette_of,
    palette_of_references,
    recolour,
    recolour_layer,
)


def noisy(colour: tuple[int, int, int], spread: int = 12, height: int = 60, width: int = 80) -> np.ndarray:
    noise = np.random.default_rng(3).integers(-spread, spread + 1, (height, width, 3))
    return np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)


def palette(rgb: np.ndarray, weights: np.ndarray | None = None) -> Palette:
    found = palette_of(rgb, weights)
    assert found is not None
    return found


def picture(rgb: np.ndarray, alpha: np.ndarray | None = None) -> DecodedPicture:
    return DecodedPicture(rgb, alpha, "png")


def test_nothing_to_look_at_has_no_palette() -> None:
    assert palette_of(noisy((9, 9, 9)), np.zeros((60, 80), np.uint8)) is None
    assert palette_of_references(()) is None


def test_a_mask_that_selects_nothing_and_an_amount_of_zero_change_no_bit() -> None:
    wanted, before = palette(noisy((200, 40, 40))), noisy((60, 90, 160))
    for amount, mask in ((0.0, None), (1.0, np.zeros((60, 80), np.uint8))):
        pixels = before.copy()
        recolour(pixels, wanted, amount, mask)
        np.testing.assert_array_equal(pixels, before)


def test_its_own_palette_leaves_a_picture_as_it_is() -> None:
    axis = np.arange(0, 256, 15, np.uint8)
    lattice = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 18, 3)
    before = np.ascontiguousarray(lattice)
    pixels = before.copy()
    recolour(pixels, palette(before), 1.0)
    assert np.abs(pixels.astype(int) - before).max() <= 1


def test_all_of_it_gives_the_references_mean_and_spread() -> None:
    reference, pixels = noisy((190, 120, 60), 30), noisy((70, 90, 150), 20)
    recolour(pixels, palette(reference), 1.0)
    found, wanted = palette(pixels), palette(reference)
    np.testing.assert_allclose(found.mean, wanted.mean, atol=0.01)
    np.testing.assert_allclose(found.spread, wanted.spread, rtol=0.15)


def test_more_of_it_comes_nearer() -> None:
    wanted = palette(noisy((190, 120, 60)))
    far = []
    for amount in (0.0, 0.25, 0.5, 0.75, 1.0):
        pixels = noisy((70, 90, 150))
        recolour(pixels, wanted, amount)
        far.append(float(np.abs(np.subtract(palette(pixels).mean, wanted.mean)).sum()))
    assert far == sorted(far, reverse=True)
    assert far[-1] < far[0] / 10


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 50), st.integers(0, 70), st.integers(1, 10), st.integers(1, 10), st.booleans())
def test_a_mask_bounds_the_change_to_the_bit(top: int, left: int, tall: int, wide: int, alpha: bool) -> None:
    before = noisy((70, 90, 150))
    if alpha:
        before = np.dstack([before, np.random.default_rng(1).integers(0, 256, (60, 80), np.uint8)])
    mask = np.zeros((60, 80), np.uint8)
    mask[top : top + tall, left : left + wide] = 255
    pixels = before.copy()
    recolour(pixels, palette(noisy((210, 60, 60))), 1.0, mask)
    np.testing.assert_array_equal(pixels[mask == 0], before[mask == 0])
    np.testing.assert_array_equal(pixels[..., 3:], before[..., 3:])
    inside = pixels[mask == 255][:, :3].mean(0)
    assert inside[0] > before[mask == 255][:, 0].mean() + 60


def test_a_layer_keeps_its_outline_and_stays_premultiplied() -> None:
    line = np.arange(64) - 31.5
    alpha = np.clip(24 - np.hypot(line[:, None], line[None]), 0, 1)
    layer = np.dstack([np.full((64, 64, 3), (0.2, 0.5, 0.9)) * alpha[..., None], alpha])
    layer = (layer * 255 + 0.5).astype(np.uint8)
    before = layer.copy()
    moved = recolour_layer(layer, palette(noisy((220, 40, 40))), 1.0)
    np.testing.assert_array_equal(layer, before)
    np.testing.assert_array_equal(moved[..., 3], layer[..., 3])
    assert (moved[..., :3] <= moved[..., 3:]).all()
    assert (moved[layer[..., 3] == 0] == 0).all()
    assert np.abs(moved[32, 32, :3].astype(int) - (220, 40, 40)).max() < 12


def test_several_references_are_averaged_and_what_is_see_through_does_not_count() -> None:
    red, blue = noisy((220, 40, 40)), noisy((40, 40, 220))
    both = palette_of_references([picture(red), picture(blue)])
    assert both is not None
    np.testing.assert_allclose(both.mean, np.mean([palette(red).mean, palette(blue).mean], axis=0))
    half = np.concatenate([red, blue])
    shown = np.zeros(half.shape[:2], np.uint8)
    shown[:60] = 255
    upper = palette_of_references([picture(half, shown)])
    assert upper is not None
    np.testing.assert_allclose(upper.mean, palette(red).mean, atol=1e-6)
    assert palette_of_references([picture(red, np.zeros((60, 80), np.uint8))]) == palette(red)
