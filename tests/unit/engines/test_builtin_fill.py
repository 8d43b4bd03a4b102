"""Holes filled from what is around them: exact outside, smooth where it was smooth, textured where it was textured."""

import numpy as np
import pytest

from gesso.engines.builtin.fill import fill
from gesso.engines.builtin.membrane import solve, stretch_over


def disc(height: int, width: int, x: float, y: float, radius: float) -> np.ndarray:
    lines, columns = np.mgrid[:height, :width]
    inside: np.ndarray = (columns - x) ** 2 + (lines - y) ** 2 < radius**2
    return inside


def painted_over(rgb: np.ndarray, hole: np.ndarray) -> np.ndarray:
    spoilt = rgb.copy()
    spoilt[hole] = (255, 0, 255)
    return spoilt


def gradient(height: int, width: int) -> np.ndarray:
    lines, columns = np.mgrid[:height, :width]
    return np.stack([lines * 200 // height, columns * 200 // width, 40 + 0 * lines], -1).astype(np.uint8)


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(60, 200, (height, width, 3)).astype(np.uint8)


@pytest.mark.parametrize("picture", [gradient(120, 160), noise(120, 160)])
def test_nothing_outside_the_hole_changes_and_the_argument_stays(picture: np.ndarray) -> None:
    hole = disc(120, 160, 70, 60, 20)
    spoilt = painted_over(picture, hole)
    before = spoilt.copy()
    filled = fill(spoilt, hole)
    np.testing.assert_array_equal(filled[~hole], picture[~hole])
    np.testing.assert_array_equal(spoilt, before)
    assert filled.dtype == np.uint8


def test_what_is_in_the_hole_does_not_matter() -> None:
    picture, hole = noise(90, 90), disc(90, 90, 45, 45, 14)
    np.testing.assert_array_equal(fill(picture, hole), fill(painted_over(picture, hole), hole))


def test_a_smooth_surface_goes_on() -> None:
    picture, hole = gradient(160, 160), disc(160, 160, 80, 80, 30)
    filled = fill(painted_over(picture, hole), hole)
    assert np.abs(filled[hole].astype(int) - picture[hole]).max() <= 6


def test_stripes_go_on_in_step() -> None:
    columns = np.arange(200)
    stripes = np.where(columns // 8 % 2, 220, 40)[None].repeat(200, 0)
    picture = np.stack([stripes] * 3, -1).astype(np.uint8)
    hole = disc(200, 200, 100, 100, 34)
    filled = fill(painted_over(picture, hole), hole)
    assert np.abs(filled[hole].astype(int) - picture[hole]).mean() < 6


def test_noise_is_filled_with_noise_and_not_with_a_smear() -> None:
    picture, hole = noise(200, 200), disc(200, 200, 100, 100, 34)
    inner = disc(200, 200, 100, 100, 26)
    filled = fill(painted_over(picture, hole), hole)
    assert filled[inner].std() > 0.6 * picture[inner].std()


def test_two_halves_keep_their_border() -> None:
    picture = np.full((160, 160, 3), (40, 90, 200), np.uint8)
    picture[80:] = (60, 160, 60)
    hole = disc(160, 160, 80, 80, 30)
    filled = fill(painted_over(picture, hole), hole)
    assert (np.abs(filled.astype(int) - picture).max(-1) > 12)[hole].mean() < 0.04


@pytest.mark.parametrize("place", [(0, 60), (60, 0), (119, 119), (0, 0)])
def test_a_hole_at_the_edge_of_the_picture(place: tuple[int, int]) -> None:
    picture, hole = gradient(120, 120), disc(120, 120, *place, 22)
    filled = fill(painted_over(picture, hole), hole)
    np.testing.assert_array_equal(filled[~hole], picture[~hole])
    assert np.abs(filled[hole].astype(int) - picture[hole]).mean() < 40


def test_holes_apart_are_filled_apart() -> None:
    picture = gradient(120, 400)
    first, second = disc(120, 400, 50, 60, 20), disc(120, 400, 350, 60, 20)
    both = fill(painted_over(picture, first | second), first | second)
    np.testing.assert_array_equal(both[first], fill(painted_over(picture, first), first)[first])
    np.testing.assert_array_equal(both[second], fill(painted_over(picture, second), second)[second])


def test_without_surroundings_to_copy_from_it_is_smooth_and_without_any_the_mean() -> None:
    picture = np.full((12, 12, 3), 100, np.uint8)
    hole = np.zeros((12, 12), bool)
    hole[2:10, 2:10] = True
    assert (fill(painted_over(picture, hole), hole) == 100).all()
    picture[:6] = 50
    everything = np.ones((12, 12), bool)
    assert (fill(picture, everything) == 75).all()


def test_an_empty_mask_changes_nothing_and_a_wrong_one_is_refused() -> None:
    picture = noise(20, 20)
    np.testing.assert_array_equal(fill(picture, np.zeros((20, 20), bool)), picture)
    with pytest.raises(ValueError, match="height and width"):
        fill(picture, np.zeros((20, 21), bool))


def test_single_pixels_and_thin_lines() -> None:
    picture, hole = gradient(80, 80), np.zeros((80, 80), bool)
    hole[40, 40] = hole[10, :] = True
    filled = fill(painted_over(picture, hole), hole)
    assert np.abs(filled[hole].astype(int) - picture[hole]).max() <= 12


def test_a_membrane_is_the_plane_its_rim_lies_in() -> None:
    """A linear function solves the Laplace equation exactly, also with its derivative known only by differences."""
    lines, columns = np.mgrid[:60, :70].astype(np.float32)
    plane = np.stack([lines, columns, lines + columns], -1)
    hole = disc(60, 70, 30, 30, 18)
    closed = stretch_over(np.where(hole[..., None], np.float32(0), plane), hole, cycles=20)
    np.testing.assert_allclose(closed, plane, atol=0.05)


def test_the_solution_is_that_of_a_dense_solver() -> None:
    random = np.random.default_rng(3)
    inside = random.random((9, 11)) < 0.7
    residual = random.normal(size=(9, 11, 1)).astype(np.float32) * inside[..., None]
    places = np.argwhere(inside).tolist()
    number = {tuple(place): index for index, place in enumerate(places)}
    matrix = np.zeros((len(places), len(places)))
    for (line, column), index in number.items():
        matrix[index, index] += 0.1
        for beside in ((line + 1, column), (line - 1, column), (line, column + 1), (line, column - 1)):
            if 0 <= beside[0] < 9 and 0 <= beside[1] < 11:
                matrix[index, index] += 1
                if beside in number:
                    matrix[index, number[beside]] -= 1
    expected = np.linalg.solve(matrix, residual[inside][:, 0])
    np.testing.assert_allclose(solve(residual, inside, 0.1, cycles=30)[inside][:, 0], expected, atol=1e-3)


def test_a_strip_between_two_others_goes_on_behind_a_large_hole() -> None:
    """Sky, a narrow sea and sand: the hole is three times as high as the sea."""
    picture = np.full((200, 260, 3), (190, 215, 240), np.uint8)
    picture[90:120] = (30, 110, 150)
    picture[120:] = (225, 200, 150)
    hole = disc(200, 260, 130, 105, 45)
    filled = fill(painted_over(picture, hole), hole)
    assert np.abs(filled[hole].astype(int) - picture[hole]).mean() < 6
