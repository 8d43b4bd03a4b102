"""Which files of a repository are brought here: those that are loaded, and no others."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from pathlib import PurePosixPath
from typing import Final

from gesso.domain.errors import OperatorError
from gesso.outgoing.hub import RemoteFile

INDEX: Final = "model_index.json"
LEFT_OUT: Final = frozenset({"safety_checker"})  # never loaded: ours looks at every family's pictures
SMALL: Final = (".json", ".txt", ".model", ".jinja")  # settings, words of tokenizers
WEIGHTS: Final = ".safetensors"
VARIANT: Final = ".fp16"
# Of a repository of adapters, what each use needs. The encoder is the one those of this name were trained with.
OF_ADAPTERS: Final[Mapping[str, tuple[str, ...]]] = {
    "ip_adapter": ("sdxl_models/ip-adapter-plus_sdxl_vit-h.safetensors", "models/image_encoder/*"),
    "ip_adapter_face": ("sdxl_models/ip-adapter-plus-face_sdxl_vit-h.safetensors", "models/image_encoder/*"),
}


def wanted(files: Iterable[RemoteFile], index: bytes | None, use: str = "") -> tuple[RemoteFile, ...]:
    """Return the files of a repository that are loaded.

    `index` is its `model_index.json`, None where it has none; `use` what it is beside a checkpoint (`Route.beside`).
    Raises `OperatorError` where it has no weights that can be read: only safetensors are.
    """
    held = {file.path: file for file in files}
    patterns = OF_ADAPTERS.get(use, ())
    if patterns and any(fnmatch(path, patterns[0]) for path in held):
        chosen = [path for path in held if any(fnmatch(path, pattern) for pattern in patterns)]
        chosen = [path for path in chosen if _readable(path)]
    elif index is not None:
        chosen = [INDEX, *_of_parts(held, index)]
    else:
        at_root = [path for path in held if "/" not in path]
        chosen = [*_small(at_root), *_weights(at_root)]
    if not any(path.endswith(WEIGHTS) for path in chosen):
        raise OperatorError(
            "It holds no weights as safetensors files, and nothing else is read: a pickle can run anything."
        )
    return tuple(held[path] for path in sorted(set(chosen)))


def _of_parts(held: Mapping[str, RemoteFile], index: bytes) -> list[str]:
    """Return the files of the parts that a pipeline's index names."""
    try:
        said = json.loads(index)
        parts = {name for name, known in said.items() if isinstance(known, list) and len(known) == 2 and known[1]}
    except (ValueError, AttributeError) as error:
        raise OperatorError(f"Its {INDEX} cannot be read.") from error
    found: list[str] = []
    for part in parts - LEFT_OUT:
        inside = [path for path in held if path.startswith(f"{part}/") and path.count("/") == 1]
        found += [*_small(inside), *_weights(inside)]
    return found


def _weights(paths: list[str]) -> list[str]:
    """Return one set of weights: the full one, or the half precision where only that is there. Several at a root: all."""
    weights = [path for path in paths if path.endswith(WEIGHTS)]
    full = [path for path in weights if VARIANT not in PurePosixPath(path).name]
    return full or weights


def _small(paths: list[str]) -> list[str]:
    return [path for path in paths if path.endswith(SMALL)]


def _readable(path: str) -> bool:
    return path.endswith((*SMALL, WEIGHTS))
