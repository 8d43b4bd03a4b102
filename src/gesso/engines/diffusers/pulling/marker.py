"""The file in a target's folder that says: all of it is here. Written last, taken away before anything changes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from gesso.engines.diffusers.checkpoint import Quantisation
from gesso.engines.diffusers.places import MARKER


@dataclass(frozen=True)
class Mark:
    """What was brought here: at which commit, under which terms, which files of how many bytes, and how it is loaded."""

    target: str
    commit: str
    files: Mapping[str, int] = field(default_factory=dict)
    licence: str = ""
    gated: bool = False
    quantisation: Quantisation = "none"

    def write(self, folder: Path) -> None:
        """Put it into a folder, whole or not at all."""
        beginning = folder / f"{MARKER}.new"
        beginning.write_text(json.dumps(self.__dict__, indent=2, sort_keys=True) + "\n")
        beginning.replace(folder / MARKER)


def read_mark(folder: Path) -> Mark | None:
    """Return what a folder's marker says; None where there is none, or one that cannot be read."""
    try:
        said: Mapping[str, Any] = json.loads((folder / MARKER).read_text())
        return Mark(
            target=str(said["target"]),
            commit=str(said["commit"]),
            files={str(path): int(size) for path, size in said["files"].items()},
            licence=str(said.get("licence", "")),
            gated=bool(said.get("gated")),
            quantisation=next((one for one in get_args(Quantisation) if one == said.get("quantisation")), "none"),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
