"""The golden pictures of the built-in model: what each is asked for, how it is made, and the command that draws them anew.

python tests/golden/golden_pictures.py      # then look at each before it is committed
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from gesso.domain.events import Task
from gesso.domain.picture import DecodedPicture, RawPicture
from gesso.domain.request import Request, RouteChoice
from gesso.engines.builtin.engine import BuiltinEngine

HERE = Path(__file__).parent
PHOTO = HERE.parents[1] / "examples/photo.jpg"
SIDE = 256  # pixels of a generated picture, and of the longer side of an edited one
SHADES = 256  # colours of a stored picture: it is small, and within a few levels of what was drawn

PROMPTS = (
    "a red car on the grass",
    "two cats on a blue background",
    "a boat on the sea at sunset",
    "three balloons in the sky",
    "a small yellow duck on the left, a tree on the right, on the grass",
    "a penguin in the snow at night",
    "a green dragon on a white background",
    "a rocket in space",
    "a cup and a cake on a table",
    "a gradient from blue to pink",
    "an airplane before a sunset sky",
    "a big yellow fish on the beach",
)
EDITS = (
    "add a small yellow duck on the left",
    "put a red balloon in the top right corner",
    "add a strawberry and a banana at the bottom",
    "add a robot on the right",
    "make it sepia",
    "grayscale",
    "make it warmer and add a heart in the middle",
    "add fog",
    "turn it into night and add a moon in the top left corner",
    "make it sunset",
    "more contrast, vintage",
    "invert",
)


def names() -> Iterator[tuple[str, str, bool]]:
    """Yield each golden picture: its file's name, its prompt, and whether it is an edit."""
    for kind, prompts in (("prompt", PROMPTS), ("edit", EDITS)):
        for number, prompt in enumerate(prompts, 1):
            yield f"{kind}-{number:02}.png", prompt, kind == "edit"


def photo() -> DecodedPicture:
    """Return the photograph that is edited, small."""
    image = Image.open(PHOTO).convert("RGB")
    image.thumbnail((SIDE, SIDE))
    return DecodedPicture(np.asarray(image), None, "jpeg")


async def drawn(engine: BuiltinEngine, prompt: str, edit: bool) -> np.ndarray:
    """Return what the engine draws: uint8 [h, w, 3]."""
    request = Request(model="gesso-sketch", operation="edit" if edit else "generate", prompt=prompt, seed=11)
    arguments = {"prompt": prompt, "width": SIDE, "height": SIDE}
    route = RouteChoice(engine="builtin", fidelity="exact", runs="gesso-sketch", arguments=arguments)
    task = Task("golden", request, route, image=photo() if edit else None)
    (picture,) = [event async for event in engine.run(task) if isinstance(event, RawPicture)]
    return np.asarray(picture.pixels)[..., :3]


async def main() -> None:
    """Draw all of them anew."""
    engine = BuiltinEngine()
    for name, prompt, edit in names():
        picture = Image.fromarray(await drawn(engine, prompt, edit))
        picture.quantize(SHADES, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(HERE / name, optimize=True)
        print(f"{name}  {(HERE / name).stat().st_size / 1000:.0f} kB  {prompt}")
    await engine.close()


if __name__ == "__main__":
    asyncio.run(main())
