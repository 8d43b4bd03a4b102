"""Bring the layers of objects onto a canvas: enlarged, in the references' colours, shadowed or faded as the task asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gesso.engines.builtin.colours import Palette, recolour_layer
from gesso.engines.builtin.compose import Region, cast_shadow, compose
from gesso.engines.builtin.drawing import Piece
from gesso.engines.builtin.enlarge import enlarge
from gesso.engines.builtin.layout import Placed
from gesso.engines.builtin.place import fade, keep_detail, take_place
from gesso.engines.builtin.previews import LONG_SIDE, shrink, shrink_place
from gesso.engines.builtin.reference import fit


@dataclass(frozen=True, eq=False)
class Laying:
    """What the layers of all pictures of a task have in common.

    mask: uint8 [height, width] of the whole picture, or None. lent: the references' colours, where drawn things take
    them, to `reference_strength`.
    """

    strength: float
    mask: np.ndarray | None = None
    lent: Palette | None = None
    reference_strength: float = 0.0

    def lay(self, canvas: np.ndarray, layer: np.ndarray, piece: Piece) -> Region | None:
        """Lay one layer over the canvas (uint8 [height, width, 3 or 4]) and return the box of what it covers.

        layer: a drawn one, float32 [4, s, s], or a reference's, uint8 [h, w, 4], premultiplied.
        """
        place = piece.place
        large = self._large(layer, place, piece.start)
        return compose(canvas, large, place.left, place.top, self.mask)

    def show(self, canvas: np.ndarray, layers: Sequence[np.ndarray], pieces: Sequence[Piece]) -> np.ndarray:
        """Return the canvas with these layers on it, in few pixels; the canvas stays as it is."""
        ground = shrink(canvas, LONG_SIDE)
        small, mask = ground.copy(), self.small_mask(LONG_SIDE)
        for layer, piece in zip(layers, pieces, strict=True):
            place = shrink_place(piece.place, canvas, small)
            start = None if piece.start is None else take_place(ground, place.left, place.top, place.side)
            compose(small, self._large(layer, place, start), place.left, place.top, mask)
        return small

    def small_mask(self, long_side: int) -> np.ndarray | None:
        """Return the mask as `previews.shrink` makes the canvas small."""
        return None if self.mask is None else shrink(self.mask, long_side)

    def _large(self, layer: np.ndarray, place: Placed, start: np.ndarray | None) -> np.ndarray:
        """Return a layer in the size of its place, with what belongs to it there: uint8 [h, side, 4], premultiplied."""
        drawn = layer.dtype != np.uint8
        large = enlarge(layer, place.side) if drawn else fit(layer, place.side)
        if self.lent is not None:
            large = recolour_layer(large, self.lent, self.reference_strength)
        if start is not None:
            return fade(keep_detail(large, start, layer.shape[-1], self.strength), self.strength)
        if not drawn:
            large = fade(large, self.strength)
        return cast_shadow(large) if place.casts_shadow else large
