"""The engine of classic edits: it resizes a picture and lays it on a colour; nothing is generated."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass
from typing import Any

import numpy as np

from gesso.domain.errors import EngineFailed, InvalidInput
from gesso.domain.events import Event, Note, Task, Timing
from gesso.domain.picture import DecodedPicture, RawPicture
from gesso.domain.request import RouteChoice
from gesso.engines.engine import Readiness
from gesso.engines.thread import on_thread
from gesso.imaging.frame import Fit, Size, frame, frame_size, on_colour

MOST_SIDE, MOST_PIXELS = 8192, 20_000_000


class ResizeEngine:
    """Resizes `slots` pictures at once, each on a thread of its own.

    The budget of decoded pixels counts what comes in and as much for what goes out; a picture that is made larger takes
    up to 20 megapixels more, once a slot.
    """

    name = "resize"

    def __init__(self, *, slots: int = 2) -> None:
        self.slots = slots

    def readiness(self, route: RouteChoice) -> Readiness:
        """Tell that it can: it needs nothing."""
        return Readiness(True)

    async def run(self, task: Task) -> AsyncGenerator[Event, None]:
        """Resize the task's picture."""
        events = on_thread(_resized(task), name="resize")
        try:
            async for event in events:
                yield event
        finally:
            await events.aclose()

    async def close(self) -> None:
        """Let go of nothing: nothing is held."""


@dataclass(frozen=True)
class _Ask:
    """A task's arguments, worked out for its picture. A side is None where it was left open."""

    width: int | None
    height: int | None
    how: Fit
    colour: tuple[int, int, int] | None

    @classmethod
    def of(cls, arguments: dict[str, Any], image: DecodedPicture) -> _Ask:
        background = arguments.get("background")
        return cls(
            width=_side(arguments, "width", image.width),
            height=_side(arguments, "height", image.height),
            how=arguments.get("fit") or "crop",
            colour=None if background in (None, "transparent") else _colour(str(background)),
        )


def _resized(task: Task) -> Generator[Event, None, None]:
    image = task.image
    if image is None:
        raise EngineFailed("There is no picture to resize.")
    began = time.perf_counter()
    arguments = task.route.arguments
    yield from _twice_said(arguments)
    ask = _Ask.of(arguments, image)
    size = frame_size((image.width, image.height), ask.width, ask.height, ask.how)
    _check(size)
    made = frame(image, size, ask.how)
    if ask.colour is not None:
        made = on_colour(made, ask.colour)
    pixels = made.rgb if made.alpha is None else np.dstack([made.rgb, made.alpha])
    yield Timing("resize", time.perf_counter() - began)
    yield RawPicture(0, pixels, task.request.seed, "enhanced")


def _side(arguments: dict[str, Any], name: str, of_source: int) -> int | None:
    if arguments.get(name) is not None:
        return int(arguments[name])
    percent = arguments.get(f"{name}_percent")
    return None if percent is None else max(1, round(of_source * float(percent) / 100))


def _twice_said(arguments: dict[str, Any]) -> Generator[Note, None, None]:
    for name in ("width", "height"):
        if arguments.get(name) is not None and arguments.get(f"{name}_percent") is not None:
            yield Note("ignored", f"{name}_percent is not looked at: {name} says the side in pixels.")


def _colour(text: str) -> tuple[int, int, int]:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def _check(size: Size) -> None:
    width, height = size
    if max(size) > MOST_SIDE or width * height > MOST_PIXELS:
        message = (
            f"The picture would be {width}x{height}: at most {MOST_SIDE} pixels a side and {MOST_PIXELS} in all are "
            "possible."
        )
        raise InvalidInput.of("width", "size_too_large", message, f"{width}x{height}")
