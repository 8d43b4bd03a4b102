"""The LoRAs an operator gave names to: files of this machine, or references that requests need no leave for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from gesso.domain.errors import OperatorError
from gesso.engines.diffusers.loras.references import NoReference, Reference, Registered, read_reference

Kept = Path | Reference


def registry(registered: Mapping[str, str]) -> dict[str, Kept]:
    """Return what each name stands for. Raises `OperatorError` for a value that is neither a path nor a reference, and
    for a name that no request could say.

    A name may also be what would be a hub id: then it stands for this instead.
    """
    for name in registered:
        try:
            read_reference(name)
        except NoReference as error:
            raise OperatorError(f"A LoRA is registered as {name!r}, which no request can name: it {error}.") from error
    return {name.strip(): kept(name, value.strip()) for name, value in registered.items()}


def lora_file(place: Path) -> Path | None:
    """Return the weights at a path: the file, or of a folder the one its owner means; None where that cannot be told."""
    if place.is_file():
        return place
    if not place.is_dir():
        return None
    names = chosen(sorted(one.name for one in place.glob("*.safetensors")))
    return place / names[0] if len(names) == 1 else None


def chosen(names: list[str]) -> list[str]:
    """Return which of a repository's safetensors files is its LoRA, as a list of one; all that it could be otherwise."""
    whole = [name for name in names if "/" not in name and not name.startswith("checkpoint")] or names
    for usual in ("pytorch_lora_weights.safetensors", "lora.safetensors"):
        if usual in whole:
            return [usual]
    return whole


def kept(name: str, value: str) -> Kept:
    """Return what the operator's words for a LoRA stand for. Raises `OperatorError` where that is nothing."""
    if value.startswith(("/", "~", ".")) or "\\" in value or re.match(r"[A-Za-z]:[\\/]", value):
        return Path(value).expanduser()
    try:
        reference = read_reference(value)
    except NoReference as error:
        raise OperatorError(f"The LoRA {name!r} is registered as {value!r}, which {error}.") from error
    if isinstance(reference, Registered):
        raise OperatorError(
            f"The LoRA {name!r} is registered as {value!r}, which is neither a path (start it with / or ./) nor a link, "
            "a hub id or a CivitAI number."
        )
    return reference
