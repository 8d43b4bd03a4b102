"""Ways to paint with a tiny checkpoint, for tests that hold them against each other.

`ours` is what a device's process does with an order: it loads the weights and paints. `straight` carries a `Call` out in
the simplest way there is. `plain` reads a checkpoint and makes a pipeline of its parts,
for a test to call by hand, as the pipeline's documentation says.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch
from PIL import Image

from gesso.domain.picture import DecodedPicture
from gesso.engines.diffusers.checkpoint import About, Checkpoint
from gesso.engines.diffusers.child.encode import Encoder
from gesso.engines.diffusers.child.paint import paint
from gesso.engines.diffusers.child.processors import stand_ins
from gesso.engines.diffusers.child.stop import Work
from gesso.engines.diffusers.child.toolbox import tools_of
from gesso.engines.diffusers.child.tools import Tools
from gesso.engines.diffusers.child_settings import ChildSettings
from gesso.engines.diffusers.families.table import family_of
from gesso.engines.diffusers.messages import FromChild, Painted
from gesso.engines.diffusers.order import Call, Order


def about_of(folder: Path) -> About:
    """Return what a checkpoint's `model_index.json` says of it."""
    named = json.loads((folder / "model_index.json").read_text())
    pipeline = named.pop("_class_name")
    parts = {name: known[1] for name, known in named.items() if isinstance(known, list) and known[1] is not None}
    settings = {name: said for name, said in named.items() if not isinstance(said, list) and name[0] != "_"}
    return About(pipeline, tuple(parts.items()), tuple(settings.items()))


@lru_cache(maxsize=2)
def read(folder: Path) -> Any:
    """Return the pipeline of a checkpoint as its download says it is, read once."""
    combined = (folder / "README.md").exists() and "KandinskyV22" in about_of(folder).pipeline
    kind: Any = diffusers.KandinskyV22CombinedPipeline if combined else diffusers.DiffusionPipeline
    others = stand_ins(folder)
    pipe = kind.from_pretrained(folder, **dict.fromkeys(others))
    pipe.register_modules(**others)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def plain(folder: Path, kind: str, **settings: Any) -> Any:
    """Return a pipeline of a class, of a checkpoint's parts and the class's own settings."""
    module, _, name = kind.rpartition(":")
    made: Any = getattr(import_module(module or "diffusers"), name)
    known = inspect.signature(made.__init__).parameters
    own = {name: said for name, said in about_of(folder).settings if name in known}
    parts = {name: part for name, part in read(folder).components.items() if name in known}
    pipe = made(**parts, **(own | settings))
    pipe.set_progress_bar_config(disable=True)
    return pipe


def order(checkpoint: Checkpoint, prompt: str = "a red fox", **more: Any) -> Order:
    """Return an order of 48 × 32 and two steps: `more` are fields of it, or `arguments` beside the prompt."""
    arguments = {"prompt": prompt, "num_inference_steps": 2} | dict(more.pop("arguments", {}))
    fields: dict[str, Any] = {"job": "job", "index": 0, "operation": "generate", "width": 48, "height": 32, "seed": 7}
    return Order(checkpoint=checkpoint, arguments=arguments, **(fields | more))


def checkpoint(folder: Path, pipeline: str = "", **more: Any) -> Checkpoint:
    """Return a folder as a checkpoint that computes as exactly as a CPU does, run by what a route would name."""
    named = about_of(folder).pipeline
    routed = pipeline or {"SanaPipeline": "SanaPAGPipeline"}.get(named, named)
    return Checkpoint("tiny/" + folder.name, routed, folder, precision="float32", **more)


def call_of(order: Order) -> Call:
    """Return the call of an order, by its family."""
    return family_of(order.checkpoint.pipeline).call(order, about_of(order.checkpoint.path))


def ours(order: Order) -> np.ndarray:
    """Paint an order as a device's process does, and return its pixels, uint8 [height, width, 3]."""
    told: list[FromChild] = []
    paint(Work((order,), told.append), *_room())
    found = [one.pixels for one in told if isinstance(one, Painted)]
    assert found, f"nothing was painted: {told[-1]}"
    return np.asarray(found[0])


@lru_cache(maxsize=1)
def _room() -> tuple[Tools, Encoder]:
    settings = ChildSettings("cpu", host_bytes=32 << 20)
    return tools_of(settings), Encoder(settings.embeddings_bytes)


def straight(call: Call, folder: Path, seed: int, beside: Mapping[str, Path] | None = None) -> np.ndarray:
    """Carry a call out on a checkpoint and return its pixels, uint8 [height, width, 3]. Nothing is kept or put back,
    but an IP-Adapter. `beside` says where the weights of `attachments` lie."""
    parts = {}
    for one in call.attachments:
        if one.kind == "control":
            nets = [diffusers.ControlNetModel.from_pretrained((beside or {})[name]) for name in one.parts]
            parts["controlnet"] = nets[0] if len(nets) == 1 else nets
    pipe = plain(folder, call.pipeline, **dict(call.settings), **parts)
    if call.scheduling is not None:
        kind = getattr(diffusers, call.scheduling.name)
        pipe.scheduler = kind.from_config(pipe.scheduler.config, **dict(call.scheduling.settings))
    if call.guider_scale is not None:
        pipe.guider = pipe.guider.new(guidance_scale=call.guider_scale)
        pipe.ocr_guider = pipe.ocr_guider.new(guidance_scale=call.guider_scale)
    words: dict[str, Any] = {}
    if call.negative_words is not None:
        takes = inspect.signature(pipe.encode_prompt).parameters
        same = {name: said for name, said in call.arguments.items() if name in takes and name != "prompt"}
        words["negative_prompt_embeds"] = pipe.encode_prompt(prompt=call.negative_words, **same)[0]
    pictures = {name: pil(given) for name, given in call.pictures.items()}
    return painted(pipe, seed, call.size, **call.arguments, **pictures, **words)


def painted(pipe: Any, seed: int = 7, size: tuple[int, int] | None = None, **arguments: Any) -> np.ndarray:
    """Call a pipeline by hand and return its pixels, uint8 [height, width, 3], scaled where another size is wanted."""
    made = pipe(**arguments, generator=torch.Generator().manual_seed(seed)).images[0]
    return sized(made, size or made.size)


def sized(picture: Image.Image, size: tuple[int, int]) -> np.ndarray:
    """Return a painted picture's pixels, scaled where it was not painted in the size that is wanted."""
    fitting = picture if picture.size == size else picture.resize(size, Image.Resampling.LANCZOS)
    return np.asarray(fitting.convert("RGB"))


def pil(given: Any) -> Any:
    """Return a picture, or a list of them, as the pipelines take it."""
    return [pil(one) for one in given] if isinstance(given, list | tuple) else Image.fromarray(given)


def picture(width: int = 48, height: int = 32, square: int = 8, tint: tuple[int, int, int] = (255, 180, 90)) -> Any:
    """Return a picture of tinted squares, as an order holds it."""
    rows, columns = np.indices((height, width)) // square
    squares = ((rows + columns) % 2)[..., None] * np.array(tint) + columns[..., None] * 8 % 64
    return DecodedPicture(np.clip(squares, 0, 255).astype(np.uint8), None, "png")


def left_half(width: int = 48, height: int = 32) -> np.ndarray:
    """Return a mask: the left half is to be painted anew."""
    mask = np.zeros((height, width), np.uint8)
    mask[:, : width // 2] = 255
    return mask
