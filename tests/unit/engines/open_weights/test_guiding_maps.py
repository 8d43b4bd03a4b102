"""Maps made of photographs: where edges are, and contrasts without light and colour."""

from __future__ import annotations

import numpy as np
import pytest

from gesso.engines.diffusers.families.maps import contrasts, edges


def square(inside: int = 220, outside: int = 40, side: int = 64) -> np.ndarray:
    pixels = np.full((side, side, 3), outside, np.uint8)
    pixels[16:48, 16:48] = inside
    return pixels


def test_edges_are_white_lines_where_greys_change() -> None:
    found = edges(square())
    assert found.dtype == np.uint8
    assert found.shape == (64, 64, 3)
    lit = found[..., 0] > 0
    assert found[32].max() == 255
    assert lit[14:19, 32].any()
    assert lit[32, 45:50].any()
    assert not lit[24:40, 24:40].any()
    assert not lit[:8].any()


def test_what_hardly_changes_has_no_edges() -> None:
    assert not edges(square(inside=50)).any()


def test_a_weak_edge_counts_where_it_continues_a_strong_one() -> None:
    rows = np.linspace(70, 240, 64)[:, None, None]
    fading = np.where(np.arange(64)[None, :, None] < 32, 40, rows).repeat(3, 2).astype(np.uint8)
    lit = edges(fading)[..., 0] == 255
    far = np.where(np.arange(64)[None, :, None] < 32, 40, 70).repeat(64, 0).repeat(3, 2).astype(np.uint8)
    assert lit[12:60, 30:34].any(axis=1).all(), "the line goes on to where it is weak"
    assert not edges(far).any(), "weak alone is nothing"


@pytest.mark.parametrize("shape", [(8, 8), (5, 9), (33, 70), (1, 1)])
def test_any_size_keeps_its_size(shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (*shape, 3), np.uint8)
    assert edges(pixels).shape == contrasts(pixels).shape == (*shape, 3)


def test_contrasts_show_what_is_faint_more_than_it_is() -> None:
    faint = np.full((64, 64, 3), 100, np.uint8)
    faint[::8] = 106
    found = contrasts(faint)
    assert np.array_equal(found[..., 0], found[..., 2])
    assert np.ptp(found[8:56]) > np.ptp(faint)
