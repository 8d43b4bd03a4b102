"""A picture while its things are changed: parts of it are mixed with new pixels, and nothing beside them changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gesso.engines.builtin.layout import Frame

Spot = tuple[slice, slice]
Repaint = Callable[[np.ndarray, Spot], np.ndarray]  # uint8 [h, w, 3], the spot that is asked for -> uint8 [h, w, 3]

_WHOLE = 256 * 255  # a strength of 1 times a share of 255


@dataclass(eq=False)
class Retouch:
    """`pixels` (uint8 [height, width, 3 or 4]) are changed in place, their colours only.

    mask: uint8 [height, width]; where it is 0 every bit stays. strength: 0..1.
    """

    pixels: np.ndarray
    mask: np.ndarray | None = None
    strength: float = 1.0

    def mix(self, frame: Frame, share: np.ndarray, repaint: Repaint, around: int = 0) -> Frame | None:
        """Repaint a part of the picture and mix it in: new for share · mask / 255 · strength, rounded half up.

        share: uint8 [frame.height, frame.width]; the frame may reach over the picture. `repaint` is given
        so many pixels `around` the part. Returns the box around all that may have changed, None where nothing has.
        """
        part = cut(frame, share.shape, self.pixels.shape)
        if part is None:
            return None
        inside, (rows, columns) = part
        top, left = max(rows.start - around, 0), max(columns.start - around, 0)
        wide = np.s_[top : rows.stop + around, left : columns.stop + around]
        spot = np.s_[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        weights = share[inside] * np.int32(round(256 * self.strength))
        if self.mask is not None:
            weights = (weights * self.mask[rows, columns] + 127) // 255
        changed = weights > 0
        if not changed.any():
            return None
        before = self.pixels[rows, columns, :3]
        new = repaint(np.ascontiguousarray(self.pixels[wide][..., :3]), spot)[spot][changed].astype(np.int32)
        weight = weights[changed][:, None]
        before[changed] = ((before[changed] * (_WHOLE - weight) + new * weight + _WHOLE // 2) // _WHOLE).astype(
            np.uint8
        )
        lines, across = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
        x, y = int(columns.start + across[0]), int(rows.start + lines[0])
        return Frame(x, y, int(across[-1] - across[0]) + 1, int(lines[-1] - lines[0]) + 1)


def cut(frame: Frame, own: tuple[int, ...], whole: tuple[int, ...]) -> tuple[Spot, Spot] | None:
    """Return where the part of a frame that is in the picture lies in the frame and in the picture, as slices."""
    x0, y0 = max(frame.left, 0), max(frame.top, 0)
    x1, y1 = min(frame.left + own[1], whole[1]), min(frame.top + own[0], whole[0])
    if x0 >= x1 or y0 >= y1:
        return None
    inner = slice(y0 - frame.top, y1 - frame.top), slice(x0 - frame.left, x1 - frame.left)
    return inner, (slice(y0, y1), slice(x0, x1))
