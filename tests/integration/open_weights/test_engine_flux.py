"""The engine with a real tiny checkpoint: the contract of engines, by thread and by process; LoRAs, edits, previews."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine_contract import EngineContract, closed, events, hashes, painted
from gesso.domain.errors import EngineFailed
from gesso.domain.events import Progress, Task
from gesso.domain.ids import new_id
from gesso.domain.picture import DecodedPicture
from gesso.domain.request import Request, RouteChoice
from gesso.engines.diffusers.engine import DiffusersEngine
from gesso.engines.diffusers.engine_settings import EngineSettings
from gesso.engines.diffusers.loras.settings import LoraSettings

TARGET = "black-forest-labs/FLUX.1-dev"


def make_task(
    count: int = 1,
    seed: int = 1,
    *,
    image: DecodedPicture | None = None,
    mask: np.ndarray | None = None,
    previews: int = 0,
    beside: dict[str, str] | None = None,
    **arguments: Any,
) -> Task:
    said = {"prompt": "a red cat", "width": 32, "height": 48, "num_inference_steps": 2, **arguments}
    route = RouteChoice(
        engine="diffusers",
        fidelity="exact",
        runs="flux-dev",
        target=TARGET,
        pipeline="FluxPipeline",
        beside=beside or {},
        arguments=said,
    )
    request = Request(
        model="flux-dev", operation="edit" if image else "generate", seed=seed, count=count, previews=previews
    )
    return Task(new_id(), request, route, image, mask)


def engine_of(tiny: Any, folder: Any, isolation: Any, **settings: Any) -> DiffusersEngine:
    said = {"checkpoints": {TARGET: tiny("flux1_dev")}, "devices": ("cpu",), "threads": 1, **settings}
    return DiffusersEngine(EngineSettings(folder, **said), isolation=isolation)


class TestThread(EngineContract):
    @pytest.fixture
    async def engine(self, tiny, tmp_path):
        async for engine in closed(engine_of(tiny, tmp_path, "thread")):
            yield engine

    @pytest.fixture
    def task(self):
        return make_task


async def test_a_process_keeps_the_contract(tiny, tmp_path):
    """All of it with one engine: each start of a process takes seconds."""
    async for engine in closed(engine_of(tiny, tmp_path, "process")):
        for name in sorted(name for name in dir(EngineContract) if name.startswith("test_")):
            await getattr(EngineContract(), name)(engine, make_task)


async def test_a_process_paints_what_a_thread_paints(tiny, tmp_path):
    made = []
    for isolation in ("thread", "process"):
        async for engine in closed(engine_of(tiny, tmp_path, isolation)):
            made.append(await hashes(engine, make_task(count=2, seed=7)))
            assert await hashes(engine, make_task(seed=8)) == made[-1][1:]
    assert made[0] == made[1]


async def test_pictures_of_one_call_are_those_of_several_within_a_grey_level(tiny, tmp_path):
    async for engine in closed(engine_of(tiny, tmp_path, "thread")):
        alone = await painted(engine, make_task(count=4, seed=7))
    async for engine in closed(engine_of(tiny, tmp_path, "thread", batch=4)):
        together = await painted(engine, make_task(count=4, seed=7))
    assert sorted(one.index for one in together) == [0, 1, 2, 3]
    for one in together:
        (same,) = [other for other in alone if other.index == one.index]
        assert np.abs(one.pixels.astype(int) - same.pixels).max() <= 1


async def test_a_lora_changes_its_own_job_and_no_other(tiny, tmp_path):
    from diffusers import FluxPipeline

    from tiny_checkpoints.loras import save_lora

    file = save_lora(FluxPipeline.from_pretrained(tiny("flux1_dev")), tmp_path / "loud.safetensors")
    loras = LoraSettings(tmp_path / "cache", {"loud": str(file)})
    settings = EngineSettings(tmp_path, {TARGET: tiny("flux1_dev"), "owner/lora": file}, devices=("cpu",), threads=1)
    async for engine in closed(DiffusersEngine(settings, loras=loras, isolation="thread")):
        before = await hashes(engine, make_task())
        worn = await hashes(engine, make_task(loras=[{"path": "loud", "scale": 1.0}]))
        assert worn != before
        assert await hashes(engine, make_task(loras=["loud"])) == worn
        assert await hashes(engine, make_task(beside={"adapter": "owner/lora"})) == worn
        weaker = await hashes(engine, make_task(beside={"adapter": "owner/lora"}, lora_scales=[0.5]))
        assert weaker not in (worn, before)
        assert weaker == await hashes(engine, make_task(loras=["loud"], lora_scales=[0.5]))
        assert await hashes(engine, make_task()) == before
        with pytest.raises(EngineFailed, match="registered"):
            await events(engine, make_task(loras=["quiet"]))


async def test_an_edit_comes_out_as_large_as_its_fitted_picture_and_a_mask_makes_it_a_composite(tiny, tmp_path):
    image = DecodedPicture(np.random.default_rng(1).integers(0, 256, (32, 64, 3), np.uint8), None, "png")
    mask = np.zeros((32, 64), np.uint8)
    mask[:, :32] = 255
    async for engine in closed(engine_of(tiny, tmp_path, "thread")):
        (whole,) = await painted(engine, make_task(image=image, strength=0.9))
        (inside,) = await painted(engine, make_task(image=image, mask=mask, strength=0.9))
        assert whole.pixels.shape == inside.pixels.shape == (32, 64, 3)
        assert (whole.source, inside.source) == ("trained", "composite")
        assert whole.pixel_hash() != inside.pixel_hash()


async def test_previews_come_and_change_nothing(tiny, tmp_path):
    async for engine in closed(engine_of(tiny, tmp_path, "thread")):
        plain = await hashes(engine, make_task(num_inference_steps=4))
        told = await events(engine, make_task(num_inference_steps=4, previews=2))
        shown = [event.preview for event in told if isinstance(event, Progress) and event.preview]
        assert [(one.picture, one.number) for one in shown] == [(0, 0), (0, 1)]
        assert all(one.pixels.dtype == np.uint8 for one in shown)
        assert [event.pixel_hash() for event in told if hasattr(event, "pixel_hash")] == plain
