"""The engine of classic edits: what its arguments do, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gesso.domain.errors import EngineFailed, InvalidInput
from gesso.domain.events import Note, Task, Timing
from gesso.domain.picture import DecodedPicture, RawPicture
from gesso.domain.request import Request, RouteChoice
from gesso.engines.resize import ResizeEngine

PIXELS = np.random.default_rng(1).integers(0, 256, (20, 40, 3), np.uint8)


async def run(image: DecodedPicture | None = None, **arguments: Any) -> list[Any]:
    picture = image or DecodedPicture(rgb=PIXELS, alpha=None, source_format="png")
    route = RouteChoice(engine="resize", fidelity="exact", runs="claid-classic-edit", arguments=arguments)
    engine = ResizeEngine()
    assert engine.readiness(route).ready
    request = Request(model="claid-classic-edit", operation="edit", seed=5)
    events = [event async for event in engine.run(Task("job", request, route, picture))]
    await engine.close()
    return events


async def made(image: DecodedPicture | None = None, **arguments: Any) -> RawPicture:
    *_, picture = await run(image, **arguments)
    assert isinstance(picture, RawPicture)
    return picture


async def test_without_arguments_nothing_changes():
    picture = await made()
    assert np.array_equal(picture.pixels, PIXELS)
    assert (picture.index, picture.seed, picture.source) == (0, 5, "enhanced")


@pytest.mark.parametrize(
    ("arguments", "size"),
    [
        ({"width": 10}, (10, 20)),
        ({"width": 10, "fit": "bounds"}, (10, 5)),
        ({"width_percent": 50, "height_percent": 200, "fit": "crop"}, (20, 40)),
        ({"width": 30, "height": 30, "fit": "canvas"}, (30, 30)),
        ({"width": None, "height": 10, "fit": "cover"}, (20, 10)),
    ],
)
async def test_sizes(arguments, size):
    height, width = (await made(**arguments)).pixels.shape[:2]
    assert (width, height) == size


async def test_a_canvas_is_transparent_or_of_its_colour():
    clear = await made(width=40, height=40, fit="canvas", background="transparent")
    assert clear.pixels.shape == (40, 40, 4)
    assert not clear.pixels[0, :, 3].any()
    filled = await made(width=40, height=40, fit="canvas", background="#10A0ff")
    assert filled.pixels.shape == (40, 40, 3)
    assert (filled.pixels[0] == (0x10, 0xA0, 0xFF)).all()
    assert np.array_equal(filled.pixels[10:30], PIXELS)


async def test_a_side_said_twice_is_told():
    note, *_ = await run(width=10, width_percent=50)
    assert isinstance(note, Note)
    assert "width_percent" in note.message


async def test_its_time_is_told():
    assert [event.stage for event in await run() if isinstance(event, Timing)] == ["resize"]


@pytest.mark.parametrize("arguments", [{"width": 8192, "height": 8192}, {"width_percent": 30_000, "fit": "bounds"}])
async def test_too_large_a_picture_is_refused(arguments):
    with pytest.raises(InvalidInput) as caught:
        await run(**arguments)
    assert caught.value.problems[0].code == "size_too_large"


async def test_there_has_to_be_a_picture():
    route = RouteChoice(engine="resize", fidelity="exact", runs="x")
    with pytest.raises(EngineFailed):
        await anext(ResizeEngine().run(Task("job", Request(model="x", operation="edit", seed=1), route)))
