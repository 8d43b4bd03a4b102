"""Measure the finder: outlines of things that are there, finds of things that are not, on scenes it was not fitted to.

    python training/found.py --scenes 60

Things stand on evaluation photographs and on the engine's own backgrounds, in poses and shadows of their own. Of each
scene every thing is looked for, and as many that are not there but look most like those that are.
"""

from __future__ import annotations

import argparse
import random
from dataclasses import dataclass

import numpy as np
from PIL import Image

from find import TARGET
from gesso.engines.builtin.background import COLOUR_VALUES, backdrop
from gesso.engines.builtin.compose import cast_shadow, compose
from gesso.engines.builtin.finder import Finder, load_finder
from gesso.engines.builtin.grounds import GROUNDS
from gesso.engines.builtin.retouch import cut
from gesso.engines.builtin.search import Found, find
from gesso.engines.builtin.wishes import Background
from scenes import look_alikes, read_photograph
from sprites import COLOURS, Pose, Sprites

EVALUATION_PHOTOGRAPHS = ("astronaut.png", "coffee.png", "camera.png", "grass.png", "moon.png", "page.png")
SIDE = 512
LEAST, MOST = 90, 300  # pixels of a layer's side


@dataclass(frozen=True, eq=False)
class Thing:
    noun: int
    cover: np.ndarray  # bool [SIDE, SIDE]: what can be seen of it


def behind(dice: random.Random, photographs: list[np.ndarray]) -> np.ndarray:
    """Return a photograph's middle or one of the engine's grounds: uint8 [SIDE, SIDE, 3]."""
    if dice.random() < 0.5:
        photograph = dice.choice(photographs)
        height, width = photograph.shape[:2]
        side = min(height, width)
        left, top = dice.randint(0, width - side), dice.randint(0, height - side)
        part = Image.fromarray(photograph[top : top + side, left : left + side])
        return np.asarray(part.resize((SIDE, SIDE), Image.Resampling.BICUBIC)).copy()
    asked = Background(dice.choice((*GROUNDS, "studio")))
    return backdrop(asked, tuple(COLOUR_VALUES), dice.randrange(10**6), alone=False).paint(SIDE, SIDE)


def compose_scene(
    sprites: Sprites, dice: random.Random, photographs: list[np.ndarray]
) -> tuple[np.ndarray, list[Thing]]:
    """Return a picture of one to three things of different kinds, hardly hidden by one another."""
    picture, things, taken = behind(dice, photographs), [], np.zeros((SIDE, SIDE), bool)
    for noun in dice.sample(range(len(sprites.nouns)), dice.randint(1, 3)):
        colour = 0 if dice.random() < 0.6 else dice.randrange(1, len(COLOURS))
        for _ in range(60):
            side = dice.randint(LEAST, MOST)
            left, top = (dice.randint(-10, SIDE - side + 10) for _ in range(2))
            layer = (Pose.draw(dice).show(sprites.pixels[noun, colour], side) * 255 + 0.5).astype(np.uint8)
            layer = np.ascontiguousarray(np.minimum(layer, layer[..., 3:])[:, :: dice.choice((1, -1))])
            own = np.zeros((SIDE, SIDE, 4), np.uint8)
            compose(own, layer, left, top)
            cover = own[..., 3] > 127
            if (cover & taken).sum() <= 0.1 * cover.sum():
                break
        else:
            continue
        compose(picture, cast_shadow(layer) if dice.random() < 0.7 else layer, left, top)
        things = [Thing(one.noun, one.cover & ~cover) for one in things] + [Thing(noun, cover)]
        taken |= cover
    return picture, things


def overlap(found: Found, cover: np.ndarray) -> float:
    """Return how much of what a find and a thing cover they share, 0..1."""
    whole = np.zeros(cover.shape, bool)
    part = cut(found.square, found.cover.shape, cover.shape)
    if part is not None:
        inside, place = part
        whole[place] = found.cover[inside] > 127
    return float((whole & cover).sum() / max((whole | cover).sum(), 1))


def measure(finder: Finder, sprites: Sprites, scenes: int, seed: int) -> None:
    dice = random.Random(seed)
    photographs = [read_photograph(name) for name in EVALUATION_PHOTOGRAPHS]
    alike = look_alikes(sprites, 4)
    overlaps: list[float] = []
    false, asked = 0, 0
    for _ in range(scenes):
        picture, things = compose_scene(sprites, dice, photographs)
        there = {thing.noun for thing in things}
        for thing in things:
            finds = find(picture, thing.noun, finder)
            overlaps.append(overlap(finds[0], thing.cover) if finds else 0.0)
            if overlaps[-1] < 0.5:
                print(f"missed: {sprites.nouns[thing.noun]}, overlap {overlaps[-1]:.2f}", flush=True)
            absent = next(noun for noun in alike[thing.noun] if noun not in there)
            asked += 1
            if found := find(picture, absent, finder):
                false += 1
                seen = f"{sprites.nouns[absent]} for {sprites.nouns[thing.noun]}, evidence {found[0].evidence:.0f}"
                print(f"false: {seen}", flush=True)
    shares = np.array(overlaps)
    print(
        f"{len(shares)} things: found {np.mean(shares >= 0.5):.1%}, outlines meet {shares.mean():.3f} "
        f"(least tenth {np.percentile(shares, 10):.2f}); false finds {false} of {asked} look-alikes"
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--scenes", type=int, default=60)
    arguments.add_argument("--seed", type=int, default=1000)
    options = arguments.parse_args()
    measure(load_finder(TARGET), Sprites.draw(136), options.scenes, options.seed)


if __name__ == "__main__":
    main()
