"""Fit the finder, which tells where in a picture a named thing is: no network, closed formulas, a minute.

    python training/find.py

Windows with a thing in them, in many poses and colours over many backgrounds, are told apart by their edges (`traits`):
linear discriminant analysis gives the few directions in which kinds differ most against their own variety, and a
Gaussian in the same directions stands for windows without a thing, or with one that is cut or not in the middle.
Writes src/gesso/engines/builtin/weights/finder.npz.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import cv2
import numpy as np

from gesso.engines.builtin.compose import cast_shadow
from gesso.engines.builtin.finder import CONTENT, WINDOW
from gesso.engines.builtin.traits import traits
from scenes import Scenes
from sprites import COLOURS, Pose, Sprites

TARGET = Path(__file__).parent.parent / "src/gesso/engines/builtin/weights/finder.npz"
EACH, NOTHING = 48, 6000  # windows of each kind, and of none
DIMENSIONS = 192
NEIGHBOURS = 0.35  # how often another thing reaches into a window
OWN = 0.5  # how often a thing has its own colours
OFF, SCALE, TURN, STRETCH = 0.035, 0.10, 9.0, 0.06  # how a window may miss: of its side, of the size, degrees, shape
SHRINK = 0.15  # how much of the variety is taken to be the same in all directions
SHAPE = 32  # pixels a side of a thing's outline


def window(scenes: Scenes, noun: int, dice: random.Random) -> np.ndarray:
    """Return a window, uint8 [WINDOW, WINDOW, 3], with one thing in its middle."""
    picture = scenes.behind(dice, WINDOW)
    if dice.random() < NEIGHBOURS:
        other = dice.randrange(len(scenes.sprites.nouns))
        away = dice.choice((-1, 1)) * dice.uniform(0.45, 0.8), dice.choice((-1, 1)) * dice.uniform(0, 0.8)
        lay(picture, show(scenes, other, away if dice.random() < 0.5 else away[::-1], dice))
    lay(picture, show(scenes, noun, (dice.uniform(-OFF, OFF), dice.uniform(-OFF, OFF)), dice))
    return worsened(picture, dice)


def show(scenes: Scenes, noun: int, away: tuple[float, float], dice: random.Random) -> np.ndarray:
    """Return a premultiplied layer, uint8 [h, WINDOW, 4], with a thing so far from its middle."""
    colour = 0 if dice.random() < OWN else dice.randrange(1, len(COLOURS))
    size = CONTENT / WINDOW * dice.uniform(1 - SCALE, 1 + SCALE)
    pose = Pose(dice.uniform(-TURN, TURN), size, 1 + dice.uniform(-STRETCH, STRETCH), *away, dice.uniform(0.9, 1.1))
    layer = (pose.show(scenes.smaller[noun, colour], WINDOW) * 255 + 0.5).astype(np.uint8)
    layer = np.minimum(layer, layer[..., 3:])
    return cast_shadow(layer) if dice.random() < 0.6 and abs(away[0]) < 0.2 else layer


def lay(picture: np.ndarray, layer: np.ndarray) -> None:
    layer = layer[: len(picture)].astype(np.float32)
    picture[:] = (layer[..., :3] + picture * (1 - layer[..., 3:] / 255) + 0.5).astype(np.uint8)


def worsened(picture: np.ndarray, dice: random.Random) -> np.ndarray:
    """Return a window as soft and noisy as pictures are."""
    if dice.random() < 0.4:
        picture = cv2.GaussianBlur(picture, (0, 0), dice.uniform(0.3, 1.0))
    if dice.random() < 0.3:
        noise = np.random.default_rng(dice.randrange(2**31)).normal(0, dice.uniform(1, 6), picture.shape)
        picture = np.clip(picture + noise, 0, 255).astype(np.uint8)
    return picture


def nothing(scenes: Scenes, dice: random.Random, count: int) -> np.ndarray:
    """Return windows of scenes in which no thing stands in the middle: uint8 [count, WINDOW, WINDOW, 3]."""
    windows: list[np.ndarray] = []
    while len(windows) < count:
        scene = scenes.draw(dice)
        side = scene.picture.shape[0]
        for _ in range(6):
            size = dice.randint(24, side)
            left, top = dice.randint(0, side - size), dice.randint(0, side - size)
            inner = size * CONTENT / WINDOW
            if all(apart(cover, left + size / 2, top + size / 2, inner) for cover in scene.covers):
                part = scene.picture[top : top + size, left : left + size]
                windows.append(cv2.resize(part, (WINDOW, WINDOW), interpolation=cv2.INTER_AREA))
    return np.stack(windows[:count])


def apart(cover: np.ndarray, x: float, y: float, size: float) -> bool:
    """Tell whether a thing's place and size are clearly not (x, y) and `size`, in pixels."""
    lines, columns = np.flatnonzero(cover.max(1) > 0.5), np.flatnonzero(cover.max(0) > 0.5)
    if not lines.size or not columns.size:
        return True
    own = max(lines[-1] - lines[0], columns[-1] - columns[0]) + 1
    away = max(abs((lines[0] + lines[-1]) / 2 - y), abs((columns[0] + columns[-1]) / 2 - x))
    return bool(away > 0.3 * size or not 0.65 < own / size < 1.5)


def fit(kinds: np.ndarray, things: np.ndarray, none: np.ndarray) -> dict[str, np.ndarray]:
    """Return the finder's numbers from flat traits: of things [n, f] of such kinds [n], and of no thing [m, f]."""
    count = int(kinds.max()) + 1
    means = np.stack([things[kinds == kind].mean(0) for kind in range(count)])
    middle = means.mean(0)
    apart = things - means[kinds]
    within = apart.T @ apart / (len(things) - count)
    within += SHRINK * np.trace(within) / len(within) * np.eye(len(within))
    values, vectors = np.linalg.eigh(within.astype(np.float64))
    whiten = vectors / np.sqrt(values)  # the variety of a kind becomes the same in all directions
    spread = (means - middle) @ whiten
    directions = np.linalg.svd(spread, full_matrices=False)[2][:DIMENSIONS].T
    project = (whiten @ directions).astype(np.float32)
    seen = (things - middle) @ project
    own = (means - middle) @ project
    away = seen - own[kinds]
    other = (none - middle) @ project
    deviations = np.cov(other.T)
    return {
        "project": project.astype(np.float16),
        "middle": middle.astype(np.float32),
        "kinds": own.astype(np.float32),
        "spread": np.float32((away**2).mean()),
        "none": other.mean(0).astype(np.float32),
        "none_root": np.linalg.cholesky(np.linalg.inv(deviations)).astype(np.float32),
    }


def outlines(sprites: Sprites) -> np.ndarray:
    """Return each noun's outline: uint8 [nouns, SHAPE, SHAPE], the thing filling the square."""
    return np.stack(
        [
            cv2.resize(sprites.pixels[noun, 0][..., 3], (SHAPE, SHAPE), interpolation=cv2.INTER_AREA)
            for noun in range(len(sprites.nouns))
        ]
    )


def flat(windows: np.ndarray) -> np.ndarray:
    return np.concatenate(
        [traits(part).reshape(len(part), -1) for part in np.array_split(windows, -(-len(windows) // 256))]
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--each", type=int, default=EACH, help="windows of each noun")
    arguments.add_argument("--nothing", type=int, default=NOTHING, help="windows without a thing")
    arguments.add_argument("--out", type=Path, default=TARGET)
    options = arguments.parse_args()
    dice = random.Random(0)
    sprites = Sprites.draw()
    scenes = Scenes(sprites, dice)
    kinds = np.repeat(np.arange(len(sprites.nouns)), options.each)
    things = flat(np.stack([window(scenes, noun, dice) for noun in kinds.tolist()]))
    none = flat(nothing(scenes, dice, options.nothing))
    numbers = fit(kinds, things, none) | {"outlines": outlines(sprites)}
    np.savez_compressed(options.out, **numbers)
    check = np.repeat(np.arange(len(sprites.nouns)), 4)
    fresh = flat(np.stack([window(scenes, noun, dice) for noun in check.tolist()]))
    seen = (fresh - numbers["middle"]) @ numbers["project"].astype(np.float32)
    far = ((seen[:, None] - numbers["kinds"][None]) ** 2).sum(-1)
    print(
        f"{options.out}: {options.out.stat().st_size / 1e6:.2f} MB; the right one of {len(sprites.nouns)} kinds is "
        f"nearest in {(far.argmin(1) == check).mean():.1%} of {len(check)} fresh windows"
    )


if __name__ == "__main__":
    main()
