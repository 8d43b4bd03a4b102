"""Every tiny checkpoint is read by `from_pretrained` and paints; what it paints hangs on words and seed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("diffusers", reason="needs the extra diffusers")

import torch
from diffusers import DiffusionPipeline, KandinskyV22CombinedPipeline, StableDiffusionXLControlNetPipeline
from safetensors.torch import load_file

from gesso.catalogue.load import load_catalogue
from gesso.engines.diffusers.child.processors import stand_ins
from tiny_checkpoints.loras import save_lora
from tiny_checkpoints.table import TINY
from tiny_checkpoints.unets import save_ip_adapter, xl_controlnet

OWN: dict[str, dict[str, Any]] = {
    "kandinsky22": {"prior_num_inference_steps": 2},
    "qwen_image": {"negative_prompt": " "},
    "qwen_image_edit": {"negative_prompt": " "},
    "sana": {"use_resolution_binning": False},
    "z_image_turbo": {"guidance_scale": 0.0},
}
UNWRITTEN = {"friendli/edit", "friendli/generate"}  # no repositories: weights of the operator's own


def read(folder: Path) -> DiffusionPipeline:
    """Read a checkpoint as it is read from a download."""
    others = stand_ins(folder)
    kind = KandinskyV22CombinedPipeline if folder.name == "kandinsky22" else DiffusionPipeline
    pipe = kind.from_pretrained(folder, **dict.fromkeys(others))
    pipe.register_modules(**others)
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.mark.parametrize("name", TINY)
def test_it_paints_what_words_and_seed_say(
    name: str, tiny: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = read(tiny(name))
    side = max(2 * TINY[name].step, TINY[name].least)
    own = OWN.get(name, {})
    if name == "flux1_kontext":
        own = {"max_area": side * side, "_auto_resize": False}
    if name == "qwen_image_edit":
        shown_in_few_pixels(monkeypatch)
        own = own | {"image": [checkered(side)]}

    def paint(prompt: str, seed: int) -> np.ndarray:
        generator = torch.Generator().manual_seed(seed)
        sides = {"width": side, "height": side}
        made = pipe(prompt=prompt, num_inference_steps=2, generator=generator, output_type="np", **sides, **own)
        return (np.asarray(made.images[0]) * 255).round().astype(np.uint8)

    first = paint("a red fox", 0)
    assert first.shape == (side, side, 3)
    assert first.std() > 10, "random weights should paint something that is not flat"
    assert np.array_equal(first, paint("a red fox", 0))
    assert not np.array_equal(first, paint("two women drinking coffee in a small kitchen", 0))
    assert not np.array_equal(first, paint("a red fox", 1))


def test_every_repository_of_the_catalogue_has_a_tiny_likeness() -> None:
    targets = {
        route.target for model in load_catalogue().models for route in model.routes if route.engine == "diffusers"
    }
    assert targets - {target for one in TINY.values() for target in one.targets} == UNWRITTEN


def shown_in_few_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have Qwen-Image-Edit look at pictures in few pixels: it scales them all to a megapixel otherwise."""
    from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit_plus as edit

    monkeypatch.setattr(edit, "VAE_IMAGE_SIZE", 64 * 64)
    monkeypatch.setattr(edit, "CONDITION_IMAGE_SIZE", 56 * 56)


def checkered(side: int) -> Any:
    """Return a picture of squares."""
    from PIL import Image

    rows, columns = np.indices((side, side)) // 8
    return Image.fromarray(((rows + columns) % 2 * 255).astype(np.uint8)).convert("RGB")


@pytest.mark.parametrize("name", ["flux1_dev", "flux2_klein", "z_image_turbo", "sd35", "qwen_image", "sd15", "sdxl"])
def test_a_lora_file_changes_what_is_painted_and_leaves_no_trace(
    name: str, tiny: Callable[[str], Path], tmp_path: Path
) -> None:
    pipe = read(tiny(name))
    file = save_lora(pipe, tmp_path / "lora.safetensors")
    plain = painted(pipe, **OWN.get(name, {}))
    pipe.load_lora_weights(load_file(file), adapter_name="one")
    assert not np.array_equal(painted(pipe, **OWN.get(name, {})), plain)
    pipe.unload_lora_weights()
    assert np.array_equal(painted(pipe, **OWN.get(name, {})), plain)


def test_a_control_network_changes_what_is_painted(tiny: Callable[[str], Path]) -> None:
    pipe = StableDiffusionXLControlNetPipeline(**read(tiny("sdxl")).components, controlnet=xl_controlnet())
    pipe.set_progress_bar_config(disable=True)
    held = painted(pipe, image=checkered(64), controlnet_conditioning_scale=0.8)
    assert not np.array_equal(held, painted(pipe, image=checkered(64), controlnet_conditioning_scale=0.0))


def test_a_picture_prompt_changes_what_is_painted_and_leaves_no_trace(
    tiny: Callable[[str], Path], tmp_path: Path
) -> None:
    pipe = read(tiny("sdxl"))
    plain = painted(pipe)
    save_ip_adapter(tmp_path, pipe.unet)
    pipe.load_ip_adapter(
        str(tmp_path),
        subfolder="sdxl_models",
        weight_name="ip-adapter.safetensors",
        image_encoder_folder="image_encoder",
    )
    pipe.set_ip_adapter_scale(0.8)
    assert not np.array_equal(painted(pipe, ip_adapter_image=checkered(64)), plain)
    pipe.set_ip_adapter_scale(0.0)
    assert np.array_equal(painted(pipe, ip_adapter_image=checkered(64)), plain)
    pipe.unload_ip_adapter()
    assert np.array_equal(painted(pipe), plain)


def painted(pipe: DiffusionPipeline, **more: Any) -> np.ndarray:
    """Return two steps' work at 64 × 64, the same each time."""
    generator = torch.Generator().manual_seed(5)
    sides = {"width": 64, "height": 64}
    made = pipe(prompt="a red fox", num_inference_steps=2, generator=generator, output_type="np", **sides, **more)
    return (np.asarray(made.images[0]) * 255).round().astype(np.uint8)
