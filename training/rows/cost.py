"""Rows "speed" that this process can see; the process around the engine is measured by benchmarks/builtin.py."""

from __future__ import annotations

import statistics
import time

import numpy as np
from PIL import Image

from rows.photographs import photograph
from rows.studio import Studio
from shares import Figure, Row

RUNS = 5


def rows(studio: Studio) -> list[Row]:
    weights = sum(path.stat().st_size for path in studio.weights.iterdir() if path.is_file())
    found: list[Row] = [Figure("weights in the package", 40, weights / 1e6, 1, " MB", most=True, digits=1)]
    if studio.much >= 1:  # a quick look asserts no time: it must not fail on a slow machine
        for side, bar in ((512, 0.6), (1024, 1.2)):
            name = f"speed: an edit of {side}², median, this machine as busy as it is"
            found.append(Figure(name, bar, _seconds(studio, side), RUNS, " s", most=True))
    return found


def _seconds(studio: Studio, side: int) -> float:
    image = np.asarray(Image.fromarray(photograph(studio, 0)).resize((side, side)))
    taken = []
    for run in range(RUNS):
        began = time.perf_counter()
        studio.easel.paint("add a duck on the left", run, image=image)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)
