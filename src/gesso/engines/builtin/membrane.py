"""Smooth surfaces over holes: the discrete Poisson equation inside a mask, solved by multigrid in NumPy.

Pérez et al. 2003, "Poisson Image Editing". At every pixel p inside, with its neighbours q in the picture, the solution
u obeys Σ (u_p - u_q) + screen · u_p = residual_p, and is 0 outside.
"""

from __future__ import annotations

import numpy as np

_SWEEPS = 2  # before and after each coarser grid
_DAMPING = 0.8
_LEAST = 6  # pixels of the shorter side of a grid that is made coarser
_COARSEST_SWEEPS = 30


def stretch_over(pixels: np.ndarray, hole: np.ndarray, cycles: int = 6) -> np.ndarray:
    """Return float32 [h, w, c] with the hole (bool [h, w]) closed by a membrane held by the pixels around it.

    Where nothing is around it (the hole is the whole picture), it takes the mean of what is in it.
    """
    known = ~hole
    if not known.any():
        return np.broadcast_to(pixels.mean((0, 1), dtype=np.float32), pixels.shape).copy()
    start = np.where(hole[..., None], pixels[known].mean(0, dtype=np.float64).astype(np.float32), pixels)
    residual = np.zeros_like(start)
    down, across = start[1:] - start[:-1], start[:, 1:] - start[:, :-1]
    residual[1:] -= down
    residual[:-1] += down
    residual[:, 1:] -= across
    residual[:, :-1] += across
    return np.asarray(start + solve(residual * hole[..., None], hole, 0.0, cycles))


def solve(residual: np.ndarray, inside: np.ndarray, screen: float, cycles: int = 5) -> np.ndarray:
    """Return u, float32 [h, w, c], for a residual (float32 [h, w, c]) that is 0 outside `inside` (bool [h, w])."""
    solution = np.zeros_like(residual)
    lines, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    if not lines.size:
        return solution
    box = np.s_[max(lines[0] - 1, 0) : lines[-1] + 2, max(columns[0] - 1, 0) : columns[-1] + 2]
    height, width = inside.shape
    count = np.full((height, width), 4, np.float32)  # of the neighbours in the picture
    count[[0, height - 1]] -= 1
    count[:, [0, width - 1]] -= 1
    wanted = np.ascontiguousarray(residual[box].transpose(2, 0, 1))
    weight = count[box] + np.float32(screen)
    planes = np.zeros_like(wanted)
    for _ in range(cycles):
        planes += _cycle(_rest(planes, wanted, weight, inside[box]), weight, inside[box], screen)
    solution[box] = planes.transpose(1, 2, 0)
    return solution


def _cycle(residual: np.ndarray, weight: np.ndarray, inside: np.ndarray, screen: float) -> np.ndarray:
    """Return one V-cycle's estimate of u, [c, h, w]; `weight` is what u_p itself is multiplied by."""
    height, width = inside.shape
    step = np.where(inside, np.float32(_DAMPING) / np.maximum(weight, np.float32(0.5)), np.float32(0))
    fixed = residual * step
    coarse = np.asarray(_quarters(inside).all(0))
    last = min(height, width) < _LEAST or not coarse.any()
    solution = _sweep(fixed.copy(), fixed, step, (_COARSEST_SWEEPS if last else _SWEEPS) - 1)
    if last:
        return solution
    # The same equation on a grid twice as wide: residuals of four pixels add up, and so do their screens.
    left = _rest(solution, residual, weight, inside)
    summed = np.stack([_quarters(plane).sum(0) for plane in left]) * coarse
    beyond = np.asarray(_quarters(weight - np.float32(screen)).min(0))  # 3 at an edge of the picture stays 3
    correction = _cycle(summed, beyond + np.float32(4 * screen), coarse, 4 * screen)
    solution += _doubled(correction, height, width) * inside
    return _sweep(solution, fixed, step, _SWEEPS)


def _sweep(solution: np.ndarray, fixed: np.ndarray, step: np.ndarray, times: int) -> np.ndarray:
    """Return u after so many damped Jacobi steps."""
    for _ in range(times):
        around = _around(solution)
        around *= step
        around += fixed
        solution *= np.float32(1 - _DAMPING)
        solution += around
    return solution


def _rest(solution: np.ndarray, residual: np.ndarray, weight: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return what of the residual a solution does not yet explain."""
    return np.asarray((residual + _around(solution) - solution * weight) * inside)


def _around(planes: np.ndarray) -> np.ndarray:
    """Return the sum of each pixel's neighbours in the picture."""
    total = np.zeros_like(planes)
    total[:, 1:] = planes[:, :-1]
    total[:, :-1] += planes[:, 1:]
    total[:, :, 1:] += planes[:, :, :-1]
    total[:, :, :-1] += planes[:, :, 1:]
    return total


def _quarters(field: np.ndarray) -> np.ndarray:
    """Return [h, w] as [4, h/2, w/2], rounded up; what is beyond the edge is the edge's."""
    height, width = field.shape
    padded = np.pad(field, ((0, height % 2), (0, width % 2)), "edge")
    return np.stack([padded[::2, ::2], padded[::2, 1::2], padded[1::2, ::2], padded[1::2, 1::2]])


def _doubled(planes: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return planes twice as wide and high, bilinear: each pixel doubled, then averaged with weights 1, 2, 1."""
    padded = np.pad(planes.repeat(2, 1).repeat(2, 2)[:, :height, :width], ((0, 0), (1, 1), (1, 1)), "edge")
    tall = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    return np.asarray((tall[:, :, :-2] + 2 * tall[:, :, 1:-1] + tall[:, :, 2:]) / np.float32(16))
