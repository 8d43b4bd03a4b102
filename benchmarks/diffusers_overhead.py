"""What the diffusers engine adds to plain diffusers: the same random weights, in turns, alone and eight at once.

python benchmarks/diffusers_overhead.py [--json] [--rounds 9] [--device cpu] [--threads 2] [--try]

Plain diffusers runs in this process, as a script would; ours through the engine's port, its weights in the device's own
process. Every picture has words and a seed that were not seen before, on both sides the same. The two never run at once.
Pixels are compared too: alone they must be equal.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from machine import ROOT, write_result

sys.path.insert(0, str(ROOT / "tests"))
os.environ["HF_HUB_OFFLINE"] = "1"

AT_ONCE = 8
BARS = {"alone": 1.03, "batched": 1.5}  # seconds of ours to plain's; pictures a second of ours to plain's


@dataclass(frozen=True)
class Case:
    """Weights and how they are asked: sides in pixels."""

    name: str
    pipeline: str
    side: int
    steps: int


CASES = (
    Case("tiny FLUX.1", "FluxPipeline", 64, 8),
    Case("tiny SD 1.5", "StableDiffusionPipeline", 64, 8),
    Case("medium FLUX.1", "FluxPipeline", 128, 4),
)


def main() -> None:
    """Measure, print, write the result."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments.add_argument("--rounds", type=int, default=9, help="rounds of each; the median is reported")
    arguments.add_argument("--device", default="cpu", help="cpu or cuda:0")
    arguments.add_argument(
        "--threads", type=int, default=len(os.sched_getaffinity(0)), help="of torch on the processor"
    )
    arguments.add_argument("--only", default="", help="cases whose names begin so: tiny, medium")
    arguments.add_argument("--try", dest="trying", action="store_true", help="print only, write no result")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = asyncio.run(_measured(Path(folder), chosen.rounds, chosen.device, chosen.threads, chosen.only))
    measured = {
        "device": chosen.device,
        "threads": chosen.threads,
        "libraries": {name: version(name) for name in ("torch", "diffusers", "transformers")},
        "bars": BARS,
        "rows": rows,
    }
    if not chosen.trying:
        write_result("diffusers_overhead", measured)
    if chosen.json:
        print(json.dumps(measured, indent=2))
        return
    print(
        f"{'weights':32}{'plain s':>9}{'ours s':>9}{'ratio':>8}{'8 plain s':>11}{'8 ours s':>10}{'8 batched s':>13}{'gain':>7}  differ"
    )
    for row in rows:
        print(
            f"{row['name']:32}{row['plain_s']:9.3f}{row['ours_s']:9.3f}{row['ratio']:8.3f}{row['eight_plain_s']:11.3f}"
            f"{row['eight_ours_s']:10.3f}{row['eight_batched_s']:13.3f}{row['gain_batched']:7.2f}"
            f"  alone {row['differs_alone']}, batched {row['differs_batched']}"
        )


async def _measured(folder: Path, rounds: int, device: str, threads: int, only: str) -> list[dict[str, Any]]:
    import torch

    torch.set_num_threads(threads)
    return [await _case(case, folder, rounds, device, threads) for case in CASES if case.name.startswith(only)]


async def _case(case: Case, folder: Path, rounds: int, device: str, threads: int) -> dict[str, Any]:
    import numpy as np
    import torch
    from diffusers import DiffusionPipeline

    place = _weights(case, folder)
    precision = "float32" if device == "cpu" else "bfloat16"
    plain = DiffusionPipeline.from_pretrained(place, torch_dtype=getattr(torch, precision)).to(device)
    plain.set_progress_bar_config(disable=True)
    alone, batched = (_engine(place, folder, device, threads, batch) for batch in (1, AT_ONCE))

    def by_hand(number: int) -> Any:
        made = plain(
            prompt=_words(number),
            width=case.side,
            height=case.side,
            num_inference_steps=case.steps,
            guidance_scale=3.5,
            generator=torch.Generator().manual_seed(number),
            output_type="np",
        )
        return (made.images[0] * 255).round().astype("uint8")

    async def by_us(engine: Any, number: int) -> Any:
        pixels = None
        async for event in engine.run(_task(case, number)):
            pixels = getattr(event, "pixels", pixels)
        return pixels

    async def all_by_us(engine: Any, first: int) -> list[Any]:
        return await asyncio.gather(*(by_us(engine, first + index) for index in range(AT_ONCE)))

    times: dict[str, list[float]] = {
        name: [] for name in ("plain", "ours", "eight_plain", "eight_ours", "eight_batched")
    }
    differ = {"alone": 0, "batched": 0}
    number = 1000
    try:
        for index in range(rounds + 2):  # two to warm up
            number += 1
            began = time.perf_counter()
            expected = by_hand(number)
            plain_s = time.perf_counter() - began
            began = time.perf_counter()
            got = await by_us(alone, number)
            ours_s = time.perf_counter() - began
            differ["alone"] = max(differ["alone"], _difference(np, expected, got))
            first, number = number + 1, number + AT_ONCE
            began = time.perf_counter()
            eight = [by_hand(first + one) for one in range(AT_ONCE)]
            eight_plain_s = time.perf_counter() - began
            began = time.perf_counter()
            await all_by_us(alone, first)
            eight_ours_s = time.perf_counter() - began
            began = time.perf_counter()
            together = await all_by_us(batched, first)
            eight_batched_s = time.perf_counter() - began
            differ["batched"] = max(
                differ["batched"], *(_difference(np, a, b) for a, b in zip(eight, together, strict=True))
            )
            if index >= 2:
                for name, seconds in zip(
                    times, (plain_s, ours_s, eight_plain_s, eight_ours_s, eight_batched_s), strict=True
                ):
                    times[name].append(seconds)
    finally:
        await alone.close()
        await batched.close()
    middle = {name: statistics.median(found) for name, found in times.items()}
    return {
        "name": case.name,
        "side": case.side,
        "steps": case.steps,
        "weights_mb": round(sum(file.stat().st_size for file in place.rglob("*.safetensors")) / 1e6, 1),
        **{f"{name}_s": round(seconds, 4) for name, seconds in middle.items()},
        "ratio": round(statistics.median(o / p for o, p in zip(times["ours"], times["plain"], strict=True)), 3),
        "ratio_eight": round(middle["eight_ours"] / middle["eight_plain"], 3),
        "gain_batched": round(middle["eight_plain"] / middle["eight_batched"], 2),
        "differs_alone": differ["alone"],
        "differs_batched": differ["batched"],
        "rounds": rounds,
    }


def _difference(np: Any, one: Any, other: Any) -> int:
    """Return by how many grey levels two pictures differ at the most."""
    return int(np.abs(one.astype(int) - other.astype(int)).max())


def _words(number: int) -> str:
    return f"a red fox number {number} in the snow"


def _weights(case: Case, folder: Path) -> Path:
    """Write random weights, once for each size and kind."""
    place = folder / "-".join(case.name.partition(",")[0].lower().split())
    if place.exists():
        return place
    from tiny_checkpoints.table import TINY

    if case.pipeline == "StableDiffusionPipeline":
        return TINY["sd15"].save(place)
    if case.name.startswith("tiny"):
        return TINY["flux1_dev"].save(place)
    import torch
    from diffusers import FluxTransformer2DModel

    from tiny_checkpoints.flux1 import flux1_dev

    torch.manual_seed(1)
    pipe = flux1_dev()
    like = pipe.transformer.config
    pipe.register_modules(
        transformer=FluxTransformer2DModel(
            in_channels=like.in_channels,
            num_layers=4,
            num_single_layers=8,
            attention_head_dim=64,
            num_attention_heads=8,
            joint_attention_dim=like.joint_attention_dim,
            pooled_projection_dim=like.pooled_projection_dim,
            guidance_embeds=True,
            axes_dims_rope=(8, 28, 28),
        )
    )
    pipe.save_pretrained(place)
    return place


def _engine(place: Path, folder: Path, device: str, threads: int, batch: int) -> Any:
    from gesso.engines.diffusers.engine import DiffusersEngine
    from gesso.engines.diffusers.engine_settings import EngineSettings

    settings = EngineSettings(
        folder=folder / "weights", checkpoints={"bench/weights": place}, devices=(device,), threads=threads, batch=batch
    )
    return DiffusersEngine(settings)


def _task(case: Case, number: int) -> Any:
    from gesso.domain.events import Task
    from gesso.domain.request import Request, RouteChoice

    words = {"prompt": _words(number), "num_inference_steps": case.steps, "guidance_scale": 3.5}
    route = RouteChoice(
        engine="diffusers",
        fidelity="exact",
        runs="bench",
        target="bench/weights",
        pipeline=case.pipeline,
        arguments={**words, "width": case.side, "height": case.side},
    )
    asked = Request(model="bench", operation="generate", prompt=_words(number), seed=number)
    return Task(job_id=f"job-{number}", request=asked, route=route)


if __name__ == "__main__":
    main()
