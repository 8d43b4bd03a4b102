"""The LoRAs of a job: the route's own before the request's, each with the scale that is meant for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lora_bytes import lora
from lora_library import library

from gesso.domain.errors import EngineFailed
from gesso.domain.request import RouteChoice
from gesso.engines.diffusers.checkpoint import Checkpoint
from gesso.engines.diffusers.worn import asks_for_loras, why_no_loras, worn


def route(beside: tuple[str, ...] = (), **arguments: Any) -> RouteChoice:
    named = dict.fromkeys(beside, "owner/weights")
    return RouteChoice(engine="diffusers", fidelity="exact", runs="x", beside=named, arguments=arguments)


def checkpoint(folder: Path, *parts: str) -> Checkpoint:
    """Return a checkpoint with LoRAs beside it, numbered from 1 in their order."""
    for number, part in enumerate(parts, 1):
        (folder / f"{part}.safetensors").write_bytes(lora(number))
    beside = tuple((part, folder / f"{part}.safetensors") for part in parts)
    return Checkpoint("owner/base", "FluxPipeline", folder, beside=beside)


async def numbers(folder: Path, choice: RouteChoice, *parts: str) -> list[tuple[int, float]]:
    """Return which LoRAs a route puts on (the request's are 8 and 9), with their scales."""
    for name, number in (("mine", 8), ("other", 9)):
        (folder / f"{name}.safetensors").write_bytes(lora(number))
    registered = {name: str(folder / f"{name}.safetensors") for name in ("mine", "other")}
    async with library(folder, registered=registered) as made:
        assert why_no_loras(choice, made) is None
        async with worn(choice, checkpoint(folder, *parts), made) as uses:
            return [(use.ready.path.read_bytes()[-1], use.scale) for use in uses]


@pytest.mark.parametrize(
    ("choice", "parts", "expected"),
    [
        (route(), (), []),
        (route(("adapter",)), ("adapter",), [(1, 1.0)]),
        (route(("adapter",), lora_scales=[0.3]), ("adapter",), [(1, 0.3)]),
        (route(("adapter",), lora_scales=0), ("adapter",), [(1, 0.0)]),
        (route(("adapter",), loras=["mine"], lora_scales=[0.3]), ("adapter",), [(1, 1.0), (8, 0.3)]),
        (route(loras=["other", "mine"], lora_scales=[0.3, 0.5]), (), [(9, 0.3), (8, 0.5)]),
        (route(("quick",), performance="Extreme Speed", loras="mine,0.2"), ("quick",), [(1, 1.0), (8, 0.2)]),
        (route(("quick",), performance="Speed"), ("quick",), []),
        (route(adapter={"name": "night", "path": "mine", "scale": -0.5}), (), [(8, -0.5)]),
    ],
)
async def test_what_is_put_on(
    choice: RouteChoice, parts: tuple[str, ...], expected: list[tuple[int, float]], tmp_path: Path
) -> None:
    assert await numbers(tmp_path, choice, *parts) == expected
    assert asks_for_loras(choice) == bool(choice.beside or choice.arguments)


@pytest.mark.parametrize("named", ["unknown", "/etc/passwd", "../x", "owner/name", {"path": "~/x"}, {"scale": 1}])
async def test_what_cannot_be_had_is_told_before_the_job(named: Any, tmp_path: Path) -> None:
    async with library(tmp_path, sources=frozenset()) as made:
        reason = why_no_loras(route(loras=[named]), made)
        assert reason is not None
        assert reason.startswith("loras[0]")
        with pytest.raises(EngineFailed, match=r"^loras\[0\]"):
            async with worn(route(loras=[named]), checkpoint(tmp_path), made):
                pass
