"""Draw the contact sheets of docs/builtin-model.md with the engine itself (no torch needed).

python training/sheets.py            # all of them, some minutes
python training/sheets.py scenes     # one of them
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from easel import Easel
from gallery import sheet
from gesso.engines.builtin.vocabulary import load_vocabulary

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"

SCENES = (
    "a red car",
    "two cats and a dog on a blue background",
    "a boat on the sea at sunset",
    "three balloons in the sky",
    "a house and a tree on the grass, a sun in the top right corner",
    "a penguin and a snowman in the snow at night",
    "a huge elephant next to a tiny bee in the desert",
    "a rocket in space",
    "a cup, a cake and a donut on a wooden table",
    "five butterflies in the garden",
    "a gradient from blue to pink with a crown",
    "a turtle on the beach, a small blue bird at the top",
    "a violin and a trumpet before a brick wall",
    "three fruits on a wooden background",
    "a dragon above a castle at night",
    "a whale in the sea",
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
    "add fog",
)
# Changes are shown on a scene of the model's own: its objects are what it can find in a picture.
CHANGED = "a cat, a duck and a red car on the grass"
CHANGES = (
    "remove the duck",
    "replace the cat with a dog",
    "make the car blue",
    "turn the duck into a penguin",
    "replace the car with a yellow bus",
    "remove the cat and the duck",
    "paint the cat pink",
)
COLOURED = ("duck", "car", "heart", "star", "house", "balloon", "fish", "gift")
PHOTOGRAPHS = {
    "photo.jpg": (
        "add a duck on the left",
        "add a cookie in the bottom right corner",
        "add a small blue butterfly at the top, make it warmer",
        "make it night and add a candle on the right",
    ),
    "astronaut.jpg": (
        "add a duck on the left",
        "add a red balloon in the top left corner",
        "put a parrot on the right",
        "make it vintage",
    ),
    "cat.jpg": (
        "add a duck on the left",
        "add a crown at the top",
        "add two mice at the bottom",
        "make it grayscale and add a red heart on the right",
    ),
    "rocket.jpg": (
        "add a duck on the left",
        "add a ufo in the top right corner",
        "add a moon at the top and a tent at the bottom",
        "make it sunset",
    ),
}


def objects(easel: Easel, out: Path) -> None:
    """Every noun on white."""
    words = [noun.word for noun in load_vocabulary().nouns]
    pictures = [easel.paint(f"a {word} on a white background", 7, 104).pixels for word in words]
    sheet(pictures, words, 14, out / "objects.png")


def colours(easel: Easel, out: Path) -> None:
    """Some nouns in every colour."""
    named = load_vocabulary().colours[1:]
    tinted = [f"{colour} {word}" for word in COLOURED for colour in named]
    pictures = [easel.paint(f"a {name} on a white background", 3, 96).pixels for name in tinted]
    sheet(pictures, tinted, len(named), out / "colours.png")


def scenes(easel: Easel, out: Path) -> None:
    """Generated pictures."""
    sheet([easel.paint(prompt, 1 + n, 288).pixels for n, prompt in enumerate(SCENES)], SCENES, 4, out / "scenes.png")


def edits(easel: Easel, out: Path) -> None:
    """Edits of one photograph, and changes of one scene."""
    photo = Image.open(EXAMPLES / "photo.jpg").convert("RGB")
    photo.thumbnail((320, 320))
    made = [easel.paint(prompt, 1 + n, image=np.asarray(photo)).pixels for n, prompt in enumerate(EDITS)]
    sheet(made, EDITS, 4, out / "edits.png")
    scene = easel.paint(CHANGED, 4, 288).pixels
    changed = [easel.paint(prompt, 1 + n, image=scene).pixels for n, prompt in enumerate(CHANGES)]
    sheet([scene, *changed], [CHANGED, *CHANGES], 4, out / "changes.png")


def photographs(easel: Easel, out: Path) -> None:
    """What `gesso edit` makes of the photographs in examples/, by the command itself."""
    pictures, captions = [], []
    with tempfile.TemporaryDirectory() as folder:
        for name, prompts in PHOTOGRAPHS.items():
            for number, prompt in enumerate(prompts):
                target = Path(folder) / f"{number}.png"
                command = [sys.executable, "-m", "gesso", "edit", str(EXAMPLES / name), prompt]
                subprocess.run([*command, "--seed", str(number + 1), "-o", str(target), "-q"], check=True)  # noqa: S603
                picture = Image.open(target).convert("RGB")
                picture.thumbnail((320, 240))
                pictures.append(np.asarray(picture))
                captions.append(f"{prompt}\nexamples/{name}, seed {number + 1}")
                target.unlink()
    sheet(pictures, captions, 4, out / "photographs.png")


SHEETS: dict[str, Callable[[Easel, Path], None]] = {
    "objects": objects,
    "colours": colours,
    "scenes": scenes,
    "edits": edits,
    "photographs": photographs,
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("which", nargs="*", help=f"some of: {', '.join(SHEETS)}")
    arguments.add_argument("--out", type=Path, default=ROOT / "docs/images")
    options = arguments.parse_args()
    easel = Easel()
    for name in options.which or SHEETS:
        SHEETS[name](easel, options.out)
    easel.close()


if __name__ == "__main__":
    main()
