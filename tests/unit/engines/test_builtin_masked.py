"""The place a mask leaves for objects: its box where it is one, else the largest square or rectangle inside."""

import numpy as np
import pytest

from gesso.engines.builtin.layout import Frame
from gesso.engines.builtin.masked import masked_place


def grid(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    lines, columns = np.mgrid[:height, :width]
    return lines, columns


def share_of(mask: np.ndarray, frame: Frame) -> float:
    window = mask[frame.top : frame.top + frame.height, frame.left : frame.left + frame.width]
    assert window.size == frame.width * frame.height  # it lies inside the picture
    return float((window >= 128).mean())


@pytest.mark.parametrize("square", [True, False])
def test_a_rectangle_is_its_own_place(square: bool) -> None:
    mask = np.zeros((100, 200), np.uint8)
    mask[20:50, 60:160] = 255
    assert masked_place(mask, square=square) == Frame(60, 20, 100, 30)


@pytest.mark.parametrize("scale", [1, 7])
def test_in_a_disc_it_is_a_square_in_the_middle_of_it(scale: int) -> None:
    lines, columns = grid(150 * scale, 200 * scale)
    mask = ((columns - 90 * scale) ** 2 + (lines - 70 * scale) ** 2 < (50 * scale) ** 2).astype(np.uint8) * 255
    frame = masked_place(mask, square=True)
    assert frame is not None
    assert frame.width == pytest.approx(frame.height, abs=scale)
    assert 1.5 * 50 * scale < frame.width < 1.85 * 50 * scale  # the inscribed square has 1.41, the box 2 radii
    assert frame.left + frame.width / 2 == pytest.approx(90 * scale, abs=3 * scale)
    assert frame.top + frame.height / 2 == pytest.approx(70 * scale, abs=3 * scale)
    assert share_of(mask, frame) > 0.9


def test_in_a_corner_it_is_in_the_thick_arm_and_not_in_the_empty_middle() -> None:
    mask = np.zeros((200, 200), np.uint8)
    mask[20:180, 20:90] = mask[150:180, 20:180] = 255
    frame = masked_place(mask, square=True)
    assert frame is not None
    assert share_of(mask, frame) > 0.9
    assert 65 <= frame.width <= 80
    assert frame.left < 30


def test_of_two_places_one_object_takes_the_larger() -> None:
    mask = np.zeros((100, 300), np.uint8)
    mask[10:40, 10:40] = 255
    mask[20:90, 200:270] = 255
    frame = masked_place(mask, square=True)
    assert frame is not None
    assert frame.left >= 190
    assert share_of(mask, frame) > 0.9


def test_several_objects_share_a_rectangle_of_the_mask_s_form() -> None:
    lines, columns = grid(100, 300)
    mask = (((columns - 150) / 140) ** 2 + ((lines - 50) / 45) ** 2 < 1).astype(np.uint8) * 255
    frame = masked_place(mask, square=False)
    assert frame is not None
    assert frame.width / frame.height == pytest.approx(280 / 90, rel=0.1)
    assert share_of(mask, frame) > 0.9


def test_a_ring_has_no_place_in_its_opening() -> None:
    lines, columns = grid(200, 200)
    far = (columns - 100) ** 2 + (lines - 100) ** 2
    mask = ((far < 90**2) & (far > 50**2)).astype(np.uint8) * 255
    frame = masked_place(mask, square=True)
    assert frame is not None
    assert share_of(mask, frame) > 0.85


def test_faint_masks_count_where_there_is_nothing_stronger_and_empty_ones_are_none() -> None:
    mask = np.zeros((60, 60), np.uint8)
    assert masked_place(mask, square=True) is None
    mask[10:20, 30:50] = 40
    assert masked_place(mask, square=False) == Frame(30, 10, 20, 10)
    mask[40, 7] = 200
    assert masked_place(mask, square=True) == Frame(7, 40, 1, 1)


def test_a_thin_line_has_a_place_too() -> None:
    mask = np.eye(90, dtype=np.uint8) * 255
    frame = masked_place(mask, square=True)
    assert frame is not None
    assert share_of(mask, frame) > 0
