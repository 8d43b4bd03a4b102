"""Fitting: centre crop to the ratio, exact size, identity when nothing is to be done."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gesso.domain.picture import DecodedPicture
from gesso.imaging.fit import crop_box, fit, fit_mask

sides = st.integers(1, 60)


def picture(rgb: np.ndarray, alpha: np.ndarray | None = None) -> DecodedPicture:
    return DecodedPicture(rgb=rgb, alpha=alpha, source_format="png")


def test_nothing_to_do_gives_the_same_object() -> None:
    source = picture(np.zeros((4, 6, 3), np.uint8))
    mask = np.zeros((4, 6), np.uint8)
    assert fit(source, 6, 4) is source
    assert fit_mask(mask, 6, 4) is mask


def test_the_middle_is_kept() -> None:
    rgb = np.zeros((10, 30, 3), np.uint8)
    rgb[:, 10:20] = 200
    fitted = fit(picture(rgb), 10, 10)
    assert (fitted.rgb == 200).all()
    mask = np.zeros((30, 10), np.uint8)
    mask[10:20] = 255
    assert (fit_mask(mask, 10, 10) == 255).all()


def test_colours_below_transparency_do_not_bleed_out() -> None:
    rgb = np.zeros((20, 20, 3), np.uint8)
    rgb[:, :10] = 255
    alpha = np.zeros((20, 20), np.uint8)
    alpha[:, 10:] = 255
    fitted = fit(picture(rgb, alpha), 8, 8)
    assert fitted.alpha is not None
    assert fitted.rgb[fitted.alpha > 0].max() == 0


def test_a_mask_does_not_ring() -> None:
    mask = np.zeros((40, 40), np.uint8)
    mask[:, 20:] = 128
    assert fit_mask(mask, 100, 100).max() == 128
    assert fit_mask(mask, 13, 13).max() == 128


@given(sides, sides, sides, sides, st.booleans())
@settings(deadline=None)
def test_any_size_to_any_size(width: int, height: int, wide: int, high: int, has_alpha: bool) -> None:
    rgb = np.full((height, width, 3), (10, 20, 30), np.uint8)
    alpha = np.full((height, width), 128, np.uint8) if has_alpha else None
    fitted = fit(picture(rgb, alpha), wide, high)
    assert (fitted.width, fitted.height) == (wide, high)
    assert np.abs(fitted.rgb.astype(int) - (10, 20, 30)).max() <= 1
    assert not fitted.rgb.flags.writeable or fitted.rgb is rgb
    assert (fitted.alpha is not None) == has_alpha
    assert fit_mask(np.zeros((height, width), np.uint8), wide, high).shape == (high, wide)


@given(sides, sides, sides, sides)
def test_the_crop_is_central_inside_and_of_the_right_ratio(width: int, height: int, wide: int, high: int) -> None:
    left, top, right, bottom = crop_box((width, height), (wide, high))
    assert left >= 0
    assert top >= 0
    assert abs(left - (width - right)) < 1e-6
    assert abs(top - (height - bottom)) < 1e-6
    assert abs((right - left) * high - (bottom - top) * wide) < 1e-6 * wide * high * width * height
    assert abs(right - left - width) < 1e-6 or abs(bottom - top - height) < 1e-6
