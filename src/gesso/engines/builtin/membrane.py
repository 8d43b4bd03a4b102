"""Smooth surfaces over holes: the discrete Poisson equation inside a mask, solved by multigrid in NumPy.

Pérez et al. 2003, "Poisson Image Editing". At every pixel p inside, with its neighbours q in the picture, the solution
u obeys Σ (u_p - u_q) + screen · u_p = residual_p, and is 0 outside.
"""

from __future__ import annotations

import numpy as np

_SWEEPS = 3  # before and after each coarser grid
_DAMPING = 0.8
_LEAST = 3  # pixels of the shorter side of the coarsest grid
_COARSEST_SWEEPS = 40


def stretch_over(pixels: np.ndarray, hole: np.ndarray, cycles: int = 6) -> np.ndarray:
    """Return float32 [h, w, c] with the hole (bool [h, w]) closed by a membrane held by the pixels around it.

    Where nothing is around it (the hole is the whole picture), it takes the mean of what is in it.
    """
    known = ~hole
    if not known.any():
        return np.broadcast_to(pixels.mean((0, 1), dtype=np.float32), pixels.shape).copy()
    start = np.where(hole[..., None], pixels[known].mean(0, dtype=np.float64).astype(np.float32), pixels)
    residual = np.where(hole[..., None], -_differences(start), np.float32(0))
    return np.asarray(start + solve(residual, hole, 0.0, cycles))


def solve(residual: np.ndarray, inside: np.ndarray, screen: float, cycles: int = 4) -> np.ndarray:
    """Return u, float32 [h, w, c], for a residual (float32 [h, w, c]) that is 0 outside `inside` (bool [h, w])."""
    solution = np.zeros_like(residual)
    for _ in range(cycles):
        left = residual if not solution.any() else _rest(solution, residual, inside, screen)
        solution += _cycle(left, inside, screen)
    return solution


def _cycle(residual: np.ndarray, inside: np.ndarray, screen: float) -> np.ndarray:
    """Return one V-cycle's estimate of u."""
    step = (np.float32(_DAMPING) / (_neighbours(inside) + np.float32(screen))) * inside
    height, width = inside.shape
    coarse = np.asarray(_quarters(inside).all(-1))
    last = min(height, width) < 2 * _LEAST or not coarse.any()
    solution = residual * step[..., None]
    for _ in range(_COARSEST_SWEEPS if last else _SWEEPS - 1):
        solution += _rest(solution, residual, inside, screen) * step[..., None]
    if last:
        return np.asarray(solution)
    left = _rest(solution, residual, inside, screen)
    # The same equation on a grid twice as wide: residuals of four pixels add up, and so do their screens.
    summed = np.stack([_quarters(left[..., c]).sum(-1) for c in range(left.shape[2])], -1) * coarse[..., None]
    correction = _cycle(summed, coarse, 4 * screen).repeat(2, 0).repeat(2, 1)[:height, :width]
    solution += _blurred(correction) * inside[..., None]
    for _ in range(_SWEEPS):
        solution += _rest(solution, residual, inside, screen) * step[..., None]
    return np.asarray(solution)


def _rest(solution: np.ndarray, residual: np.ndarray, inside: np.ndarray, screen: float) -> np.ndarray:
    """Return what of the residual a solution does not yet explain."""
    return np.asarray((residual - _differences(solution) - np.float32(screen) * solution) * inside[..., None])


def _differences(pixels: np.ndarray) -> np.ndarray:
    """Return Σ (u_p - u_q) over the neighbours q that are in the picture: float32 [h, w, c]."""
    total = np.zeros_like(pixels)
    down, across = pixels[1:] - pixels[:-1], pixels[:, 1:] - pixels[:, :-1]
    total[1:] += down
    total[:-1] -= down
    total[:, 1:] += across
    total[:, :-1] -= across
    return total


def _neighbours(inside: np.ndarray) -> np.ndarray:
    """Return how many neighbours each pixel has in the picture: float32 [h, w]."""
    height, width = inside.shape
    count = np.full(inside.shape, 4, np.float32)
    count[[0, height - 1]] -= 1
    count[:, [0, width - 1]] -= 1
    return np.maximum(count, 1)


def _quarters(field: np.ndarray) -> np.ndarray:
    """Return [h, w] as [h/2, w/2, 4], rounded up; what is beyond the edge is 0."""
    height, width = field.shape
    padded = np.pad(field, ((0, height % 2), (0, width % 2)))
    return np.stack([padded[::2, ::2], padded[::2, 1::2], padded[1::2, ::2], padded[1::2, 1::2]], -1)


def _blurred(pixels: np.ndarray) -> np.ndarray:
    """Average float32 [h, w, c] with weights 1, 2, 1 both ways: what was doubled becomes bilinear."""
    padded = np.pad(pixels, ((1, 1), (1, 1), (0, 0)), "edge")
    tall = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    return np.asarray((tall[:, :-2] + 2 * tall[:, 1:-1] + tall[:, 2:]) / np.float32(16))
