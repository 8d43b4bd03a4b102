"""Draw the contact sheets of docs/builtin-model.md with the engine itself (no torch needed).

python training/sheets.py
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gesso.domain.events import Task
from gesso.domain.picture import DecodedPicture, RawPicture
from gesso.domain.request import Request, RouteChoice
from gesso.engines.builtin.engine import BuiltinEngine
from gesso.engines.builtin.vocabulary import load_vocabulary

ROOT = Path(__file__).parent.parent
CAPTION = 18  # pixels below each picture

SCENES = (
    "a red car",
    "two cats and a dog on a blue background",
    "a boat on the sea at sunset",
    "three balloons in the sky",
    "a house and a tree on the grass, a sun in the top right corner",
    "a penguin and a snowman in the snow at night",
    "a huge elephant next to a tiny bee in the desert",
    "a rocket in space",
    "a cup, a cake and a donut on a table",
    "five butterflies in the garden",
    "a gradient from blue to pink with a crown",
    "a turtle on the beach, a small blue bird at the top",
)
EDITS = (
    "add a small yellow duck on the left",
    "put a red balloon in the top right corner",
    "add three strawberries at the bottom",
    "add a huge robot on the right",
    "make it sepia",
    "grayscale, please",
    "make it warmer",
    "make it cooler",
    "turn it into night and add a moon in the top left corner",
    "make it sunset",
    "give it more contrast, vintage",
    "add a blue butterfly and a green frog",
)
COLOURED = ("duck", "car", "heart", "star", "house", "balloon", "fish", "gift")


async def draw(engine: BuiltinEngine, prompt: str, seed: int, size: int, image: DecodedPicture | None) -> np.ndarray:
    """Return one picture: uint8 [h, w, 3]."""
    request = Request(model="gesso-sketch", operation="edit" if image else "generate", prompt=prompt, seed=seed)
    arguments = {"prompt": prompt, "width": size, "height": size}
    route = RouteChoice(engine="builtin", fidelity="exact", runs="gesso-sketch", arguments=arguments)
    pictures = [e async for e in engine.run(Task("sheet", request, route, image=image)) if isinstance(e, RawPicture)]
    return pictures[0].pixels


def sheet(pictures: Sequence[np.ndarray], captions: Sequence[str], columns: int, path: Path) -> None:
    """Write pictures of one size in rows, each with its caption, as a PNG."""
    height, width = pictures[0].shape[:2]
    rows = -(-len(pictures) // columns)
    page = Image.new("RGB", (columns * (width + 4), rows * (height + CAPTION + 4)), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(12)
    for number, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        left, top = number % columns * (width + 4) + 2, number // columns * (height + CAPTION + 4) + 2
        page.paste(Image.fromarray(picture[..., :3]), (left, top))
        text = caption
        while pen.textlength(text, font) > width:
            text = text[:-2] + "…"
        pen.text((left + 2, top + height + 2), text, "black", font)
    path.parent.mkdir(parents=True, exist_ok=True)
    page.save(path, optimize=True)
    print(f"{path}: {len(pictures)} pictures, {path.stat().st_size / 1e6:.1f} MB")


async def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--photo", type=Path, default=ROOT / "examples/photo.jpg")
    arguments.add_argument("--out", type=Path, default=ROOT / "docs/images")
    options = arguments.parse_args()
    engine, vocabulary = BuiltinEngine(), load_vocabulary()

    words = [noun.word for noun in vocabulary.nouns]
    objects = [await draw(engine, f"a {word} on a white background", 7, 144, None) for word in words]
    sheet(objects, words, 8, options.out / "objects.png")
    tinted = [f"{colour} {word}" for word in COLOURED for colour in vocabulary.colours[1:]]
    coloured = [await draw(engine, f"a {name} on a white background", 3, 96, None) for name in tinted]
    sheet(coloured, tinted, len(vocabulary.colours) - 1, options.out / "colours.png")
    scenes = [await draw(engine, prompt, 1 + number, 288, None) for number, prompt in enumerate(SCENES)]
    sheet(scenes, SCENES, 4, options.out / "scenes.png")
    photo = Image.open(options.photo).convert("RGB")
    photo.thumbnail((320, 320))
    source = DecodedPicture(np.asarray(photo), None, "jpeg")
    edits = [await draw(engine, prompt, 1 + number, 0, source) for number, prompt in enumerate(EDITS)]
    sheet(edits, EDITS, 4, options.out / "edits.png")
    await engine.close()


if __name__ == "__main__":
    asyncio.run(main())
