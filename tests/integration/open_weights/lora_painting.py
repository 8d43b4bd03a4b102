"""Painting with LoRAs on tiny checkpoints: by us, by plain diffusers, and what must be as it was afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from equality import about_of, checkpoint, plain

from gesso.engines.diffusers.child.loaded import Loaded
from gesso.engines.diffusers.child.put_loras import with_loras
from gesso.engines.diffusers.families.table import family_of
from gesso.engines.diffusers.lora import LoraReady, LoraUse
from gesso.engines.diffusers.loras.check import check_lora

OWN: dict[str, dict[str, Any]] = {
    "z_image_turbo": {"guidance_scale": 0.0},
    "qwen_image": {"negative_prompt": " "},
    "flux1_kontext": {"max_area": 64 * 64, "_auto_resize": False},
}
State = dict[str, torch.Tensor]


def load(folder: Path) -> Loaded:
    """Return a tiny checkpoint, read once for all tests."""
    about = about_of(folder)
    return Loaded(plain(folder, about.pipeline), about, checkpoint(folder), 0, "cpu")


def use(file: Path, scale: float = 1.0) -> LoraUse:
    check_lora(file)
    return LoraUse(LoraReady(sha256(file.read_bytes()).hexdigest(), file, file.stat().st_size), scale)


def painted(loaded: Loaded) -> np.ndarray:
    """Return two steps' work at 64 × 64, the same each time."""
    generator = torch.Generator().manual_seed(5)
    own = OWN.get(loaded.checkpoint.path.name, {})
    made = loaded.pipe(
        prompt="a red fox", num_inference_steps=2, generator=generator, output_type="np", width=64, height=64, **own
    )
    return np.asarray(made.images[0])


def ours(loaded: Loaded, *uses: LoraUse) -> np.ndarray:
    with with_loras(loaded, family_of(loaded.checkpoint.pipeline), uses):
        return painted(loaded)


def theirs(loaded: Loaded, *uses: LoraUse) -> np.ndarray:
    """Return what plain diffusers paints with the files, by its own documentation."""
    pipe = loaded.pipe
    names = [f"theirs_{number}" for number in range(len(uses))]
    for name, one in zip(names, uses, strict=True):
        path = one.ready.path
        pipe.load_lora_weights(str(path.parent), weight_name=path.name, adapter_name=name, local_files_only=True)
    pipe.set_adapters(names, [one.scale for one in uses])
    try:
        return painted(loaded)
    finally:
        pipe.unload_lora_weights()


@contextmanager
def untouched(loaded: Loaded) -> Iterator[None]:
    """Hold that what follows leaves the pictures, every weight and the global dice as they were."""
    before, weights, dice = painted(loaded), weights_of(loaded), torch.random.get_rng_state()
    yield
    assert torch.equal(torch.random.get_rng_state(), dice)
    after = weights_of(loaded)
    assert after.keys() == weights.keys()
    assert all(torch.equal(after[name], weights[name]) for name in weights)
    assert np.array_equal(painted(loaded), before)


def weights_of(loaded: Loaded) -> State:
    return {
        f"{part}.{name}": weight.detach().clone()
        for part, model in loaded.pipe.components.items()
        if isinstance(model, torch.nn.Module)
        for name, weight in model.state_dict().items()
    }


def differ(one: np.ndarray, other: np.ndarray) -> bool:
    """Tell whether two pictures differ by more than a grey level somewhere."""
    return float(np.abs(one - other).max()) > 1 / 255
