"""Where weights lie on this machine: the operator's own places, then the folder that `gesso pull` fills."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gesso.engines.diffusers.checkpoint import Kind

MARKER = "gesso.json"  # in the folder of a target, once all of it is there
OPERATORS = "friendli/"
_INDEX = "model_index.json"


@dataclass(frozen=True)
class Place:
    """A checkpoint's folder, or the one file it is."""

    path: Path
    kind: Kind


def is_operators(target: str) -> bool:
    """Tell whether a target is only a name: Friendli's endpoints serve what their owner put there, and so may this."""
    return target.startswith(OPERATORS)


def folder_of(folder: Path, target: str) -> Path:
    """Return where the weights of a target are put below a folder."""
    return folder / target.replace("/", "--")


class Places:
    """Finds weights by target. What it says holds for the moment: files come and go while the server runs."""

    def __init__(self, folder: Path, named: Mapping[str, Path]) -> None:
        self._folder, self._named = folder, dict(named)

    def named(self, target: str) -> Path | None:
        """Return the operator's own place of a target, whether or not anything is there."""
        return self._named.get(target)

    def find(self, target: str) -> Place | None:
        """Return where a target's weights are, or None; a folder that is still being filled does not count."""
        own = self._named.get(target)
        if own is not None:
            return _place(own) if own.exists() else None
        pulled = folder_of(self._folder, target)
        return _place(pulled) if (pulled / MARKER).is_file() else None

    def all(self) -> tuple[str, ...]:
        """Return the targets whose weights are here, in order."""
        pulled = (path.parent.name.replace("--", "/", 1) for path in self._folder.glob(f"*/{MARKER}"))
        return tuple(sorted({*pulled, *(target for target, path in self._named.items() if path.exists())}))


def _place(path: Path) -> Place:
    """Return a folder, or the file: also that of a folder in which there is nothing but one, such as a transformer."""
    if path.is_file():
        return Place(path, "single_file")
    if not (path / _INDEX).is_file() and not (path / "config.json").is_file():
        files = sorted(path.glob("*.safetensors"))
        if len(files) == 1:
            return Place(files[0], "single_file")
    return Place(path, "folder")
