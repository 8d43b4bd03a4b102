"""Picture files of the command line: reading them, naming new ones, writing them whole or not at all."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from gesso.domain.errors import InvalidInput, OperatorError
from gesso.domain.picture import MEDIA_TYPES, OutputFormat

SUFFIXES: dict[str, OutputFormat] = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}
_LONGEST_NAME = 60  # characters of a prompt that go into a file name


def read_picture(path: Path) -> bytes:
    """Return the bytes of a picture file; raise `InvalidInput` naming the file when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        reason = (error.strerror or "it cannot be read").lower()
        raise InvalidInput.of("image", "unreadable_file", f"{path}: {reason}.", str(path)) from error


def name_from_words(prompt: str) -> str:
    """Return a prompt as the stem of a file name: "A red duck!" → "a-red-duck"."""
    words = re.sub(r"[^\w]+", "-", prompt.casefold()).strip("-")
    return words[:_LONGEST_NAME].rstrip("-") or "picture"


def format_of(path: Path) -> OutputFormat:
    """Return the picture format a file name asks for; raise `InvalidInput` for a suffix that is none of ours."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        message = f"--output {path} does not end in a picture suffix; allowed: {', '.join(SUFFIXES)}."
        raise InvalidInput.of("output", "unknown_suffix", message, suffix, list(SUFFIXES))
    return SUFFIXES[suffix]


def suffix_for(media_type: str) -> str:
    """Return the file suffix of a media type: "image/jpeg" → ".jpg"."""
    by_type = {MEDIA_TYPES[kind]: suffix for suffix, kind in reversed(SUFFIXES.items())}
    return by_type[media_type]


def numbered(path: Path, count: int) -> list[Path]:
    """Return one path per picture: the path itself for one, else out-1.png, out-2.png, …"""
    if count == 1:
        return [path]
    return [path.with_name(f"{path.stem}-{number}{path.suffix}") for number in range(1, count + 1)]


def free_paths(path: Path, count: int) -> list[Path]:
    """Return `numbered` paths of which none exists yet, with _2, _3, … after the stem where that is needed."""
    attempt, stem = 1, path.stem
    while any(candidate.exists() for candidate in numbered(path, count)):
        attempt += 1
        path = path.with_name(f"{stem}_{attempt}{path.suffix}")
    return numbered(path, count)


def write_all(paths: Sequence[Path], contents: Sequence[bytes]) -> None:
    """Write each file through a neighbour that is renamed, so that no half picture is ever left."""
    for path, data in zip(paths, contents, strict=True):
        part = path.with_name(f".{path.name}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(data)
            part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            reason = os.strerror(error.errno).lower() if error.errno else "it cannot be written"
            raise OperatorError(f"{path}: {reason}.") from error
