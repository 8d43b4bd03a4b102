"""A library of LoRAs that may reach this machine, for tests with a server on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from gesso.domain.errors import EngineFailed
from gesso.engines.diffusers.lora import LoraAsked
from gesso.engines.diffusers.loras.library import LoraLibrary
from gesso.engines.diffusers.loras.references import loras_asked
from gesso.engines.diffusers.loras.settings import LoraSettings
from gesso.outgoing.fetch import Outgoing, Policy

ALL = frozenset({"url", "hub", "civitai"})
HERE = Policy(allow=("127.0.0.1",), total_seconds=10, max_bytes=1000)


def asked(reference: str, scale: float = 1.0) -> LoraAsked:
    (one,) = loras_asked({"loras": [{"path": reference, "scale": scale}]})
    return one


@asynccontextmanager
async def library(folder: Path, policy: Policy = HERE, **how: object) -> AsyncIterator[LoraLibrary]:
    settings = replace(LoraSettings(folder / "loras", sources=ALL), **how)  # type: ignore[arg-type]
    outgoing = Outgoing(policy)
    made = LoraLibrary(settings, outgoing)
    try:
        yield made
    finally:
        await made.close()
        await outgoing.aclose()


async def refusal(made: LoraLibrary, reference: str, folder: Path) -> str:
    """Return why a LoRA could not be had; nothing of it is left, and no path is in the message."""
    with pytest.raises(EngineFailed) as caught:
        await made.ready(asked(reference))
    assert str(folder) not in caught.value.message
    assert "/loras" not in caught.value.message
    assert left(folder) == []
    return caught.value.message


def left(folder: Path) -> list[str]:
    return [file.name for file in (folder / "loras").glob("*") if file.is_file()]
