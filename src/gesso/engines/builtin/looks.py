"""Looks: exact full-resolution changes of every colour by one integer matrix and three tables; no network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

Matrix = tuple[tuple[int, int, int], tuple[int, int, int], tuple[int, int, int]]

_LUMA = (77, 150, 29)  # of 256: how light red, green and blue seem (ITU-R BT.601)
_CHUNK_PIXELS = 1 << 18
_WHOLE = 256 * 255  # a strength of 1 times a mask of 255


@dataclass(frozen=True, eq=False)
class Look:
    """New colour = table[clip((matrix · colour + 128) >> 8)], channel by channel; matrix entries are 256ths."""

    tables: np.ndarray  # uint8 [3, 256]
    matrix: Matrix | None = None

    def apply(self, rgb: np.ndarray) -> np.ndarray:
        """Return uint8 [n, 3] in this look."""
        if self.matrix is not None:
            red, green, blue = (rgb[:, channel].astype(np.int32) for channel in range(3))
            mixed = [(a * red + b * green + c * blue + 128) >> 8 for a, b, c in self.matrix]
            rgb = np.stack([np.clip(channel, 0, 255) for channel in mixed], -1).astype(np.uint8)
        return np.stack([self.tables[channel][rgb[:, channel]] for channel in range(3)], -1)


def _table(curve: Callable[[float], float]) -> np.ndarray:
    """Sample a curve 0..1 → 0..1 into uint8 [256], rounding half up."""
    return np.array([int(min(max(curve(value / 255), 0.0), 1.0) * 255 + 0.5) for value in range(256)], np.uint8)


def _curves(*curves: Callable[[float], float]) -> np.ndarray:
    return np.stack([_table(curve) for curve in (curves * 3)[:3]])


def _same(value: float) -> float:
    return value


def _saturation(percent: int) -> Matrix:
    """Return the matrix that scales the distance from grey."""
    kept = round(256 * percent / 100)
    rows = [[weight * (256 - kept) // 256 for weight in _LUMA] for _ in range(3)]
    for channel, row in enumerate(rows):
        row[channel] += 256 - sum(row)  # the row sums to 256, so that grey stays grey
    return (
        (rows[0][0], rows[0][1], rows[0][2]),
        (rows[1][0], rows[1][1], rows[1][2]),
        (rows[2][0], rows[2][1], rows[2][2]),
    )


LOOKS: dict[str, Look] = {
    "grayscale": Look(_curves(_same), (_LUMA, _LUMA, _LUMA)),
    "sepia": Look(_curves(_same), ((101, 197, 48), (89, 176, 43), (69, 137, 34))),
    "warmer": Look(_curves(lambda v: v**0.8, _same, lambda v: v**1.3)),
    "cooler": Look(_curves(lambda v: v**1.3, _same, lambda v: v**0.8)),
    "brighter": Look(_curves(lambda v: v**0.65)),
    "darker": Look(_curves(lambda v: v**1.3 * 0.8)),
    "more contrast": Look(_curves(lambda v: 0.5 + (v - 0.5) * 1.4)),
    "less contrast": Look(_curves(lambda v: 0.5 + (v - 0.5) * 0.6)),
    "invert": Look(_curves(lambda v: 1 - v)),
    "vivid": Look(_curves(_same), _saturation(160)),
    "muted": Look(_curves(_same), _saturation(45)),
    "vintage": Look(
        _curves(lambda v: 0.13 + 0.84 * v, lambda v: 0.11 + 0.79 * v, lambda v: 0.17 + 0.60 * v), _saturation(65)
    ),
    "night": Look(
        _curves(lambda v: 0.36 * v**1.4, lambda v: 0.03 + 0.43 * v**1.3, lambda v: 0.10 + 0.62 * v**1.1),
        _saturation(55),
    ),
    "fog": Look(
        _curves(lambda v: 0.47 + 0.45 * v, lambda v: 0.48 + 0.45 * v, lambda v: 0.49 + 0.45 * v), _saturation(50)
    ),
    "sunset": Look(_curves(lambda v: 0.10 + 0.90 * v**0.75, lambda v: 0.92 * v**1.15, lambda v: 0.06 + 0.60 * v**1.3)),
}


def apply_looks(pixels: np.ndarray, looks: Sequence[str], strength: float, mask: np.ndarray | None) -> None:
    """Put looks, one after the other, on uint8 [height, width, 3 or 4] in place; alpha stays as it is.

    The result is blended with what was there by strength (0..1, rounded to 256ths) times mask / 255 (uint8 [height,
    width]): at 1 and 255 it is exactly the look, where either is 0 every bit stays.
    """
    parts = round(256 * strength)
    if not looks or parts == 0:
        return
    for rows in _row_chunks(pixels):
        chunk = pixels[rows, :, :3]
        before = chunk.reshape(-1, 3)
        after = before
        for look in looks:
            after = LOOKS[look].apply(after)
        if parts < 256 or mask is not None:
            share = np.full((len(before), 1), parts * 255, np.int32)
            if mask is not None:
                share = mask[rows].reshape(-1, 1).astype(np.int32) * parts
            after = (before * (_WHOLE - share) + after * share + _WHOLE // 2) // _WHOLE
        pixels[rows, :, :3] = after.reshape(chunk.shape).astype(np.uint8)


def _row_chunks(pixels: np.ndarray) -> Iterable[slice]:
    """Yield slices of rows, small enough that a large picture needs little memory beside itself."""
    height, width = pixels.shape[:2]
    step = max(1, _CHUNK_PIXELS // width)
    return (slice(top, min(top + step, height)) for top in range(0, height, step))
