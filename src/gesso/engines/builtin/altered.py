"""What is left of an edited picture once the changes to its own things are done, before anything is drawn on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gesso.domain.events import Note
from gesso.engines.builtin.layout import Frame
from gesso.engines.builtin.wishes import Change, Wish


@dataclass(frozen=True)
class Replacement:
    """A thing to be drawn where another one stood: `box` is the old one's, in pixels."""

    wish: Wish
    box: Frame


@dataclass(frozen=True, eq=False)
class Altered:
    """The picture after its changes. `pixels` is uint8 [height, width, 3 or 4]; it is read and not written to.

    `touched` tells whether any of them was changed. The notes say where, and what was not found.
    """

    pixels: np.ndarray
    replacements: tuple[Replacement, ...] = ()
    notes: tuple[Note, ...] = ()
    touched: bool = False


class Alter(Protocol):
    """Removes, recolours and makes room for things of a picture, once for all pictures of a task."""

    def __call__(
        self, pixels: np.ndarray, changes: Sequence[Change], *, mask: np.ndarray | None, strength: float
    ) -> Altered:
        """Return the picture after the changes; `pixels` (uint8 [height, width, 3 or 4]) is not written to.

        mask: uint8 [height, width]; where it is 0 every bit stays. strength: above 0, at most 1.
        """
        ...
