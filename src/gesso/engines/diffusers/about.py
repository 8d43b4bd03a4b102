"""What lies in a checkpoint's folder, read without torch: its parts, its size, and what is missing or broken of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gesso.engines.diffusers.checkpoint import About
from gesso.engines.diffusers.tensors import BrokenFile, Tensors, read_head

INDEX: Final = "model_index.json"
MODEL_NAMES: Final = ("diffusion_pytorch_model", "model")  # what diffusers and transformers call files of weights
VARIANT: Final = "fp16"  # some repositories hold their weights twice, or only so
WORDS: Final = ("tokenizer.json", "vocab.json", "vocab.txt")  # and what ends in ".model"
WORDY_PROCESSORS: Final = ("PixtralProcessor", "Qwen2VLProcessor")  # a tokenizer, and what prepares pictures
WORDLESS: Final = ("ByT5Tokenizer",)  # its words are bytes
PICKLES: Final = (".bin", ".pt", ".pth", ".ckpt")


class NotWhole(Exception):
    """A checkpoint is not there, or not all of it; the message is a sentence that names files within it, and no paths."""


@dataclass(frozen=True)
class PartFiles:
    """The weights of a part: its files, what their heads say, and whether they are those of the fp16 variant."""

    files: tuple[Path, ...]
    heads: tuple[Tensors, ...]
    variant: str | None = None

    @property
    def bytes(self) -> int:
        """Return how large the tensors are."""
        return sum(head.bytes for head in self.heads)


def read_about(folder: Path, without: Iterable[str] = ()) -> About:
    """Return what a checkpoint says of itself, all its files looked at. `without` are parts whose weights come from
    elsewhere.

    Raises `NotWhole`.
    """
    named = index_of(folder)
    parts = {name: known[1] for name, known in named.items() if _is_part(known)}
    settings = {name: said for name, said in named.items() if not isinstance(said, list) and not name.startswith("_")}
    held = [part_files(folder, name) for name in parts if name not in without]
    for name, kind in parts.items():
        _check_words(folder, name, str(kind))
    size = sum(one.bytes for one in held if one is not None)
    return About(str(named["_class_name"]), tuple(parts.items()), tuple(settings.items()), size)


def libraries(folder: Path) -> Mapping[str, tuple[str, str]]:
    """Return the library and the class of each part that is there. Raises `NotWhole`."""
    return {name: (known[0], known[1]) for name, known in index_of(folder).items() if _is_part(known)}


def index_of(folder: Path) -> Mapping[str, Any]:
    """Return what a folder's `model_index.json` says. Raises `NotWhole`."""
    if not folder.is_dir():
        raise NotWhole("its folder is not there")
    said = _json(folder / INDEX, INDEX)
    if not isinstance(said.get("_class_name"), str):
        raise NotWhole(f"{INDEX} names no class")
    return said


def part_files(folder: Path, part: str, shown: str = "") -> PartFiles | None:
    """Return the weights of a part, each file whole; None for a part that has none, as a tokenizer. Raises `NotWhole`.

    `shown` is what the part is called in the message, where that is not the folder's name.
    """
    place, part = folder / part, shown or part
    if not place.is_dir():
        raise NotWhole(f"{part} is missing")
    for variant in (None, VARIANT):
        for name in MODEL_NAMES:
            stem = name if variant is None else f"{name}.{variant}"
            names = _shards(place, part, name, variant)
            if (place / f"{stem}.safetensors").is_file():
                names = (f"{stem}.safetensors",)
            if names:
                heads = tuple(_head(place / one, f"{part}/{one}") for one in names)
                return PartFiles(tuple(place / one for one in names), heads, variant)
    if any(file.suffix in PICKLES for file in place.iterdir()):
        raise NotWhole(f"{part} holds its weights as a pickle, which could run anything: only safetensors are read")
    if (place / "config.json").is_file() and not any(place.glob("*token*")):
        raise NotWhole(f"{part} holds no weights")
    return None


def whole_file(file: Path) -> Tensors:
    """Return the head of a checkpoint that is one file. Raises `NotWhole`."""
    if file.suffix != ".safetensors":
        raise NotWhole("it is no safetensors file: only those are read")
    return _head(file, "its file")


def _shards(place: Path, part: str, name: str, variant: str | None) -> tuple[str, ...]:
    file = f"{name}.safetensors.index.json" if variant is None else f"{name}.safetensors.index.{variant}.json"
    if not (place / file).is_file():
        return ()
    told = _json(place / file, f"{part}/{file}").get("weight_map")
    names = list(told.values()) if isinstance(told, dict) else []
    if not names or not all(isinstance(one, str) and "/" not in one and "\\" not in one for one in names):
        raise NotWhole(f"{part}/{file} names no files")
    return tuple(sorted(set(names)))


def _head(file: Path, shown: str) -> Tensors:
    try:
        return read_head(file)
    except FileNotFoundError:
        raise NotWhole(f"{shown} is missing") from None
    except OSError:
        raise NotWhole(f"{shown} cannot be read") from None
    except BrokenFile as error:
        raise NotWhole(f"{shown} {error}") from None


def _json(file: Path, shown: str) -> dict[str, Any]:
    try:
        said = json.loads(file.read_text())
    except FileNotFoundError:
        raise NotWhole(f"{shown} is missing") from None
    except OSError:
        raise NotWhole(f"{shown} cannot be read") from None
    except (ValueError, RecursionError):
        raise NotWhole(f"{shown} is no JSON") from None
    if not isinstance(said, dict):
        raise NotWhole(f"{shown} is not what it should be")
    return said


def _check_words(folder: Path, part: str, kind: str) -> None:
    """Raise `NotWhole` for a tokenizer without its words: it would be made all the same, and know none."""
    reads_words = kind.endswith(("Tokenizer", "TokenizerFast")) or kind in WORDY_PROCESSORS
    if not reads_words or kind in WORDLESS:
        return
    names = [file.name for file in (folder / part).glob("*")]
    if not any(name in WORDS or name.endswith(".model") for name in names):
        raise NotWhole(f"{part} holds no vocabulary")


def _is_part(known: object) -> bool:
    return isinstance(known, list) and len(known) == 2 and all(isinstance(one, str) for one in known)
