"""Checkpoints' folders written without any library: right heads, and zeros for weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

BYTES = {"F32": 4, "BF16": 2, "F16": 2, "I64": 8}
Shapes = Mapping[str, tuple[str, tuple[int, ...]]]
WEIGHTS: Shapes = {"first.weight": ("BF16", (4, 8)), "second.bias": ("F32", (5,)), "count": ("I64", (1,))}


def save_tensors(file: Path, shapes: Shapes = WEIGHTS) -> Path:
    """Write a safetensors file."""
    head: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, (kind, shape) in shapes.items():
        size = prod(shape) * BYTES[kind]
        head[name] = {"dtype": kind, "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(head).encode()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(len(text).to_bytes(8, "little") + text + bytes(end))
    return file


def save_part(folder: Path, part: str, name: str = "diffusion_pytorch_model", shapes: Shapes = WEIGHTS) -> None:
    """Write a part that has weights."""
    save_tensors(folder / part / f"{name}.safetensors", shapes)
    (folder / part / "config.json").write_text("{}")


def save_folder(folder: Path, **settings: object) -> Path:
    """Write a checkpoint: a transformer, a text encoder in two files, a tokenizer, no picture encoder."""
    index = {
        "_class_name": "FluxPipeline",
        "_diffusers_version": "0.42.1",
        "image_encoder": [None, None],
        "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "transformer": ["diffusers", "FluxTransformer2DModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        **settings,
    }
    save_part(folder, "transformer")
    save_part(folder, "vae")
    names = ("model-00001-of-00002", "model-00002-of-00002")
    for name in names:
        save_part(folder, "text_encoder", name)
    shards = {"weight_map": {f"weight.{number}": f"{name}.safetensors" for number, name in enumerate(names)}}
    (folder / "text_encoder" / "model.safetensors.index.json").write_text(json.dumps(shards))
    for part, file in (("tokenizer", "tokenizer.json"), ("scheduler", "scheduler_config.json")):
        (folder / part).mkdir()
        (folder / part / file).write_text("{}")
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder
