"""Pictures from the engine itself, as a task would get them: what evaluate.py looks at. No torch, no server."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gesso.domain.events import Note, Task
from gesso.domain.picture import DecodedPicture, RawPicture
from gesso.domain.request import Request, RouteChoice
from gesso.engines.builtin.engine import BuiltinEngine
from gesso.engines.builtin.network import DEFAULT_THREADS
from gesso.engines.builtin.vocabulary import WEIGHTS_FOLDER

SIZE = 256  # pixels a side of most pictures that are judged


@dataclass(frozen=True, eq=False)
class Made:
    """One picture (uint8 [h, w, 3]) and the notes that came with it."""

    pixels: np.ndarray
    notes: tuple[Note, ...]

    def note(self, code: str) -> Note | None:
        """Return the first note with this code."""
        return next((note for note in self.notes if note.code == code), None)

    def outside_regions(self) -> np.ndarray:
        """Return where no reported region is: bool [h, w]."""
        outside = np.ones(self.pixels.shape[:2], bool)
        for note in self.notes:
            if {"x", "y", "width", "height"} <= note.data.keys():
                x, y = note.data["x"], note.data["y"]
                outside[y : y + note.data["height"], x : x + note.data["width"]] = False
        return outside


def decoded(pixels: np.ndarray) -> DecodedPicture:
    """Return uint8 [h, w, 3 or 4] as a picture that was sent."""
    alpha = np.ascontiguousarray(pixels[..., 3]) if pixels.shape[2] == 4 else None
    return DecodedPicture(np.ascontiguousarray(pixels[..., :3]), alpha, "png")


class Easel:
    """One engine, asked for one picture after the other."""

    def __init__(self, weights: Path = WEIGHTS_FOLDER, threads: int = DEFAULT_THREADS) -> None:
        self._engine, self._loop = BuiltinEngine(threads=threads, weights=weights), asyncio.new_event_loop()
        self.asked = 0

    def paint(
        self,
        prompt: str,
        seed: int = 1,
        size: int = SIZE,
        *,
        image: np.ndarray | None = None,
        mask: np.ndarray | None = None,
        references: tuple[np.ndarray, ...] = (),
        **arguments: Any,
    ) -> Made:
        """Generate a picture of `size` a side, or edit `image`; further arguments are the model's parameters."""
        self.asked += 1
        operation = "generate" if image is None else "edit"
        request = Request(model="gesso-sketch", operation=operation, prompt=prompt, seed=seed)
        given = {"prompt": prompt, "width": size, "height": size, **arguments}
        route = RouteChoice(engine="builtin", fidelity="exact", runs="gesso-sketch", arguments=given)
        source = None if image is None else decoded(image)
        task = Task("judged", request, route, image=source, mask=mask, references=tuple(map(decoded, references)))
        return self._loop.run_until_complete(self._collect(task))

    async def _collect(self, task: Task) -> Made:
        events = [event async for event in self._engine.run(task)]
        (picture,) = (event for event in events if isinstance(event, RawPicture))
        notes = tuple(event for event in events if isinstance(event, Note))
        return Made(np.asarray(picture.pixels)[..., :3], notes)

    def close(self) -> None:
        """Let go of the engine."""
        self._loop.run_until_complete(self._engine.close())
        self._loop.close()
