"""What `generate` and `edit` say of what they made, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gesso.cli.run_here import LocalResult


def as_data(result: LocalResult, paths: Sequence[Path]) -> dict[str, Any]:
    """Return what was made as JSON: the files, how they were made, what became of each parameter."""
    route = result.plan.routes[0]
    return {
        "model": result.request.model,
        "operation": result.request.operation,
        "engine": route.engine,
        "fidelity": route.fidelity,
        "runs": route.runs,
        "pictures": [
            {
                "path": str(path),
                "media_type": picture.media_type,
                "width": picture.width,
                "height": picture.height,
                "seed": picture.seed,
                "pixel_hash": picture.pixel_hash,
            }
            for path, picture in zip(paths, result.pictures, strict=True)
        ],
        "parameters": [verdict.model_dump(mode="json") for verdict in route.verdicts],
        "notes": [
            *({"code": "plan", "message": note, "data": {}} for note in result.plan.notes),
            *(note.model_dump(mode="json") for note in result.notes),
        ],
        "seconds": round(result.seconds, 3),
    }


def as_sentences(result: LocalResult, paths: Sequence[Path]) -> list[str]:
    """Return what was made in sentences; of the parameters only those given and not done as asked."""
    route = result.plan.routes[0]
    lines = [
        f"{path}  {picture.width}x{picture.height}, seed {picture.seed}"
        for path, picture in zip(paths, result.pictures, strict=True)
    ]
    stand_in = f", a stand-in for {result.request.model}" if route.fidelity == "stand_in" else ""
    lines.append(f"Made by {route.runs}{stand_in} in {result.seconds:.2f} s.")
    lines += [f"  {note}" for note in (*result.plan.notes, *(note.message for note in result.notes))]
    lines += [
        f"  {verdict.parameter} was {verdict.verdict}: {verdict.reason}"
        for verdict in route.verdicts
        if verdict.given and verdict.verdict in ("clamped", "ignored")
    ]
    return lines
