"""Measure what the built-in model can do, on prompts and photographs it was never trained on.

    python training/evaluate.py            # all of it, some minutes: training/evaluation.md and the contact sheets
    python training/evaluate.py --quick    # the first trials of each row: prints the table, writes nothing

Every picture comes from the engine itself and is judged by looking at it: what differs from the background or the source,
in connected parts, as a recogniser sees them that was trained apart on real sprites (recognise.py). The engine's notes
count in one place only, where the promise is about them: nothing changes outside the regions it reports. No torch needed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from easel import Easel
from gallery import write_sheets
from gesso.engines.builtin.network import DEFAULT_THREADS
from gesso.engines.builtin.vocabulary import WEIGHTS_FOLDER, load_vocabulary
from judge import RECOGNISER, Judge
from rows import (
    attributes,
    backgrounds,
    changes,
    controls,
    cost,
    looks,
    objects,
    outlines,
    photographs,
    references,
    sharpness,
    words,
)
from rows.studio import Studio
from shares import Row, Share, table

HERE = Path(__file__).parent
QUICK = 0.06  # of the trials
LONGEST = ("objects", "changes", "controls", "attributes")
PARTS: dict[str, Callable[[Studio], list[Row]]] = {
    "words": words.rows,
    "objects": objects.rows,
    "outlines": outlines.rows,
    "attributes": attributes.rows,
    "backgrounds": backgrounds.rows,
    "photographs": photographs.rows,
    "changes": changes.rows,
    "looks": looks.rows,
    "references": references.rows,
    "sharpness": sharpness.rows,
    "controls": controls.rows,
    "cost": cost.rows,
}


def measure(studio: Studio, parts: Sequence[str]) -> dict[str, list[Row]]:
    """Return the rows of each part, saying on standard error how far it is."""
    found = {}
    for name in parts:
        began, before = time.monotonic(), studio.easel.asked
        found[name] = PARTS[name](studio)
        seconds, pictures = time.monotonic() - began, studio.easel.asked - before
        print(f"{name}: {pictures} pictures in {seconds:.0f} s", file=sys.stderr, flush=True)
    return found


def alone(weights: Path, recogniser: Path, much: float, part: str, threads: int = 1) -> dict[str, list[Row]]:
    """Return the rows of one part, measured with an engine of its own; for a process of its own."""
    return measure(Studio(Easel(weights, threads), Judge(recogniser, threads), weights, much), [part])


def side_by_side(weights: Path, recogniser: Path, much: float, parts: Sequence[str]) -> dict[str, list[Row]]:
    """Return the rows of each part, two at a time, the longest first; what is timed comes last and alone."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # of the processes to come: two of them fill two cores
    begun = [part for part in LONGEST if part in parts]
    begun += [part for part in parts if part not in (*begun, "cost")]
    with ProcessPoolExecutor(2, get_context("spawn")) as processes:
        running = [processes.submit(alone, weights, recogniser, much, part) for part in begun]
        found = {name: rows for each in running for name, rows in each.result().items()}
    if "cost" in parts:
        found |= alone(weights, recogniser, much, "cost", DEFAULT_THREADS)
    return {part: found[part] for part in parts}


def page(found: dict[str, list[Row]], weights: Path, seconds: float) -> list[str]:
    """Return evaluation.md: the table, and what went wrong."""
    vocabulary = load_vocabulary(weights)
    facts, defaults = vocabulary.training, vocabulary.defaults
    lines = [
        "# What gesso-sketch draws, measured",
        "",
        f"Made by `python training/evaluate.py` in {seconds / 60:.0f} minutes from weights of {facts.parameters / 1e6:.1f} M",
        f"parameters at training step {facts.steps}, at the default {defaults.steps} steps and guidance {defaults.guidance}.",
        "Pictures are judged by a recogniser trained apart on real sprites, and by differences of pixels; intervals are",
        "Wilson's, of 95 %. The bars were fixed before the first measurement.",
        "",
        *table([row for rows in found.values() for row in rows]),
        "",
        "The sheets of what was judged: `docs/images/judged-*.jpg`, what was found wrong framed in red.",
    ]
    for rows in found.values():
        for row in rows:
            if isinstance(row, Share) and (wrong := [trial for trial in row.trials if not trial.right]):
                lines += ["", f"## {row.name}: what went wrong", "", "| asked | seen |", "|---|---|"]
                lines += [f"| {trial.asked} | {trial.seen} |" for trial in wrong]
    return lines


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--weights", type=Path, default=WEIGHTS_FOLDER)
    arguments.add_argument("--recogniser", type=Path, default=RECOGNISER)
    arguments.add_argument("--quick", action="store_true")
    arguments.add_argument("--only", choices=PARTS, nargs="*", help="parts to measure; nothing is written then")
    arguments.add_argument("--out", type=Path, default=HERE / "evaluation.md")
    arguments.add_argument("--sheets", type=Path, help="folder of the sheets; docs/images where all is measured")
    options = arguments.parse_args()
    began, much = time.monotonic(), QUICK if options.quick else 1.0
    found = side_by_side(options.weights, options.recogniser, much, options.only or tuple(PARTS))
    seconds = time.monotonic() - began
    print("\n".join(table([row for rows in found.values() for row in rows])))
    if options.only or options.quick:
        for row in (row for rows in found.values() for row in rows if isinstance(row, Share)):
            for trial in row.trials:
                if not trial.right:
                    print(f"  {row.name.partition(':')[0]}: {trial.asked} -> {trial.seen}")
        print(f"{seconds:.0f} s", file=sys.stderr)
    if not options.quick and not options.only:
        options.out.write_text("\n".join(page(found, options.weights, seconds)) + "\n", encoding="utf-8")
        print(f"written to {options.out}")
    if options.sheets or not (options.quick or options.only):
        write_sheets(found, options.sheets or HERE.parent / "docs/images")


if __name__ == "__main__":
    main()
