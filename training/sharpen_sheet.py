"""Draw a sheet to look at: a layer of 64 pixels enlarged, the same sharpened first, and the real sprite.

python training/sharpen_sheet.py --model src/gesso/engines/builtin/weights/sharpen.onnx --out sheet.png
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from gesso.engines.builtin.enlarge import enlarge
from gesso.engines.builtin.sharpen import OnnxSharpen
from sharpen import LARGE_SIDE, SOURCE_SIDE, degrade, stacked
from sharpen_export import TARGET
from sprites import SIDE, Pose, read_objects, render

GROUND = 0.85
COLUMNS = 3  # of three pictures each


def premultiplied(glyph: str) -> np.ndarray:
    """Return a sprite in its own colours: uint8 [SOURCE_SIDE, SOURCE_SIDE, 4], premultiplied."""
    sprite = render(glyph, SOURCE_SIDE)
    return (np.concatenate([sprite[..., :3] * sprite[..., 3:], sprite[..., 3:]], -1) * 255 + 0.5).astype(np.uint8)


def shown(pixels: np.ndarray) -> np.ndarray:
    """Return a premultiplied picture (0..1 or bytes) over grey: uint8 [s, s, 3]."""
    unit = pixels.astype(np.float32) / (255 if pixels.dtype == np.uint8 else 1)
    return ((unit[..., :3] + (1 - unit[..., 3:]) * GROUND).clip(0, 1) * 255 + 0.5).astype(np.uint8)


def edge_energy(picture: np.ndarray) -> float:
    """Return the mean squared slope of uint8 [s, s, 3]."""
    unit = picture.astype(np.float32) / 255
    return float((np.diff(unit, axis=0) ** 2).mean() + (np.diff(unit, axis=1) ** 2).mean())


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--model", type=Path, default=TARGET)
    arguments.add_argument("--words", help="comma-separated; twelve of all if left out")
    arguments.add_argument("--side", type=int, default=256)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--out", type=Path, default=Path("training/runs/sharpen/sheet.png"))
    options = arguments.parse_args()
    objects = read_objects()
    poses, dice = random.Random(options.seed), np.random.default_rng(options.seed)
    words = options.words.split(",") if options.words else sorted(poses.sample(list(objects), 12))
    model, rows, shares = OnnxSharpen(options.model), [], []
    for word in words:
        sprite, pose = premultiplied(str(objects[word]["glyph"])), Pose.draw(poses)
        small = cv2.resize(pose.show(sprite, LARGE_SIDE), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        layer = stacked([degrade(small, dice)])
        sharp = model(layer, np.array([list(objects).index(word)]))
        row = [enlarge(one[0], options.side) for one in (layer, sharp)] + [pose.show(sprite, options.side)]
        pictures = [shown(one) for one in row]
        energies = [edge_energy(one) for one in pictures]
        shares.append([energy / energies[-1] for energy in energies[:-1]])
        rows.append(np.concatenate(pictures, 1))
        print(f"{word}: {shares[-1][0]:.2f} of the real sprite's edge energy, sharpened {shares[-1][1]:.2f}")
    print("all:", " ".join(f"{share:.2f}" for share in np.mean(shares, 0)))
    rows += [np.full_like(rows[0], 255)] * (-len(rows) % COLUMNS)
    page = np.concatenate([np.concatenate(rows[start::COLUMNS], 0) for start in range(COLUMNS)], 1)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(page).save(options.out)


if __name__ == "__main__":
    main()
