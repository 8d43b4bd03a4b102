"""LoRAs in the forms that other programs write, and what their metadata may say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("diffusers", reason="needs the extra diffusers")

import torch
from lora_painting import State, differ, load, ours, painted, theirs, untouched, use
from safetensors.torch import load_file, save_file

from gesso.engines.diffusers.child.loaded import Loaded, Refused
from gesso.engines.diffusers.child.put_loras import with_loras
from gesso.engines.diffusers.families.table import family_of
from tiny_checkpoints.loras import save_lora

LAYERS = {  # a layer as other trainers call it, and as diffusers does
    "flux2_klein": ("double_blocks.0.img_attn.proj", "transformer_blocks.0.attn.to_out.0"),
    "z_image_turbo": ("layers.0.attention.to_q", "layers.0.attention.to_q"),
    "qwen_image": ("transformer_blocks.0.attn.to_q", "transformer_blocks.0.attn.to_q"),
}


@pytest.fixture
def loaded(request: pytest.FixtureRequest, tiny: Callable[[str], Path]) -> Loaded:
    """Return a tiny checkpoint, loaded, by the name in the test's parameter (else FLUX.1)."""
    return load(tiny(getattr(request, "param", "flux1_dev")))


def kohya(state: State, prefix: str, alpha: float) -> State:
    """Return weights in the names that kohya's scripts give them."""
    found: State = {}
    for name, weight in state.items():
        module, _, side = name.removeprefix(f"{prefix}.").partition(".lora")
        base = f"lora_unet_{module.replace('.', '_')}"
        down = "A" in side or "down" in side
        found[f"{base}.lora_{'down' if down else 'up'}.weight"] = weight
        found[f"{base}.alpha"] = torch.tensor(alpha)
    return found


@pytest.mark.parametrize("loaded", ["sd15", "sdxl"], indirect=True)
def test_kohyas_names_work_and_their_alphas_count(loaded: Loaded, tmp_path: Path) -> None:
    state = load_file(save_lora(loaded.pipe, tmp_path / "a.safetensors", rank=4))
    for alpha in (4.0, 1.0):
        save_file(kohya(state, "unet", alpha), tmp_path / f"{alpha}.safetensors")
    whole, quarter = use(tmp_path / "4.0.safetensors"), use(tmp_path / "1.0.safetensors")
    with untouched(loaded):
        assert np.allclose(ours(loaded, whole), ours(loaded, use(tmp_path / "a.safetensors")), atol=1e-4)
        found = ours(loaded, quarter)
    assert np.array_equal(found, theirs(loaded, quarter))
    assert np.allclose(found, ours(loaded, use(tmp_path / "a.safetensors", 0.25)), atol=1e-4)


def test_kohyas_names_for_flux_work(loaded: Loaded, tmp_path: Path) -> None:
    torch.manual_seed(3)
    layers = {"double_blocks_0_img_attn_proj": 32, "double_blocks_1_img_attn_qkv": 96}
    state: State = {}
    for name, width in layers.items():
        state[f"lora_unet_{name}.lora_down.weight"] = torch.randn(2, 32)
        state[f"lora_unet_{name}.lora_up.weight"] = torch.randn(width, 2) * 0.5
        state[f"lora_unet_{name}.alpha"] = torch.tensor(1.0)
    save_file(state, tmp_path / "kohya.safetensors")
    one = use(tmp_path / "kohya.safetensors", 0.9)
    with untouched(loaded):
        found = ours(loaded, one)
    assert np.array_equal(found, theirs(loaded, one))
    assert differ(found, painted(loaded))


def test_xlabs_names_work(loaded: Loaded, tmp_path: Path) -> None:
    """flux-dev-realism stands on a LoRA in this form."""
    torch.manual_seed(6)
    state: State = {}
    for layer, width in (("qkv_lora1", 96), ("proj_lora1", 32), ("qkv_lora2", 96), ("proj_lora2", 32)):
        state[f"double_blocks.0.processor.{layer}.down.weight"] = torch.randn(2, 32) * 0.5
        state[f"double_blocks.0.processor.{layer}.up.weight"] = torch.randn(width, 2) * 0.5
    save_file(state, tmp_path / "xlabs.safetensors")
    one = use(tmp_path / "xlabs.safetensors", 0.9)
    with untouched(loaded):
        found = ours(loaded, one)
    assert np.array_equal(found, theirs(loaded, one))
    assert differ(found, painted(loaded))


@pytest.mark.parametrize("loaded", ["flux2_klein", "z_image_turbo", "qwen_image"], indirect=True)
def test_names_of_other_trainers_work(loaded: Loaded, tmp_path: Path) -> None:
    """ComfyUI's prefix, as most files at CivitAI have it."""
    torch.manual_seed(7)
    name, ours_is = LAYERS[loaded.checkpoint.path.name]
    layer = loaded.pipe.transformer.get_submodule(ours_is)
    state = {
        f"diffusion_model.{name}.lora_A.weight": torch.randn(2, layer.in_features),
        f"diffusion_model.{name}.lora_B.weight": torch.randn(layer.out_features, 2),
    }
    save_file(state, tmp_path / "comfy.safetensors")
    one = use(tmp_path / "comfy.safetensors", 0.9)
    with untouched(loaded):
        found = ours(loaded, one)
    assert np.array_equal(found, theirs(loaded, one))
    assert differ(found, painted(loaded))


@pytest.mark.parametrize("loaded", ["sd15", "sdxl", "flux1_dev"], indirect=True)
def test_a_text_encoder_may_have_a_part_too(loaded: Loaded, tmp_path: Path) -> None:
    text_encoder = loaded.pipe.text_encoder
    state = dict(load_file(save_lora(loaded.pipe, tmp_path / "a.safetensors")))
    layer = next(name for name, _ in text_encoder.named_modules() if name.endswith("q_proj"))
    width = text_encoder.get_submodule(layer).in_features
    torch.manual_seed(4)
    for side, shape in (("down", (2, width)), ("up", (width, 2))):
        state[f"text_encoder.{layer}.lora_linear_layer.{side}.weight"] = torch.randn(shape)
    save_file(state, tmp_path / "b.safetensors")
    without, one = use(tmp_path / "a.safetensors", 0.5), use(tmp_path / "b.safetensors", 0.5)
    with untouched(loaded):
        found = ours(loaded, one, without)
    assert np.array_equal(found, theirs(loaded, one, without))
    assert differ(found, ours(loaded, without, without))


@pytest.mark.parametrize("loaded", ["flux1_dev", "sdxl"], indirect=True)
def test_alphas_of_the_files_metadata_count(loaded: Loaded, tmp_path: Path) -> None:
    file = save_lora(loaded.pipe, tmp_path / "a.safetensors", rank=4)
    part = family_of(loaded.checkpoint.pipeline).denoiser
    told = {f"{part}.r": 4, f"{part}.lora_alpha": 2, f"{part}.target_modules": ["to_q", "to_k", "to_v", "to_out.0"]}
    save_file(load_file(file), tmp_path / "b.safetensors", {"lora_adapter_metadata": json.dumps(told), "format": "pt"})
    one = use(tmp_path / "b.safetensors")
    with untouched(loaded):
        found = ours(loaded, one)
    assert np.array_equal(found, theirs(loaded, one))
    assert np.allclose(found, ours(loaded, use(file, 0.5)), atol=1e-4)


@pytest.mark.parametrize(
    "told",
    [
        "[" * 5000,
        "5",
        '{"transformer.lora_alpha": "x"}',
        '{"transformer.lora_alpha": NaN}',
        '{"transformer.lora_alpha": 1%s}' % ("0" * 400),
        '{"transformer.lora_alpha": 1, "transformer.alpha_pattern": {"(a+)+$": 2}}',
        '{"transformer.lora_alpha": 1, "transformer.alpha_pattern": 7}',
    ],
)
def test_metadata_that_mean_harm_are_refused(told: str, loaded: Loaded, tmp_path: Path) -> None:
    state = load_file(save_lora(loaded.pipe, tmp_path / "a.safetensors"))
    save_file(state, tmp_path / "b.safetensors", {"lora_adapter_metadata": told})
    with untouched(loaded), pytest.raises(Refused):
        ours(loaded, use(tmp_path / "b.safetensors"))


def test_no_other_word_of_the_metadata_reaches_the_library(loaded: Loaded, tmp_path: Path) -> None:
    file = save_lora(loaded.pipe, tmp_path / "a.safetensors")
    told = {"transformer.megatron_core": "antigravity", "transformer.init_lora_weights": "pissa", "transformer.r": 99}
    save_file(load_file(file), tmp_path / "b.safetensors", {"lora_adapter_metadata": json.dumps(told)})
    with untouched(loaded):
        assert np.array_equal(ours(loaded, use(tmp_path / "b.safetensors")), ours(loaded, use(file)))


def test_what_is_left_out_is_noted(loaded: Loaded, tmp_path: Path) -> None:
    state = load_file(save_lora(loaded.pipe, tmp_path / "a.safetensors"))
    layer = next(iter(state)).partition(".lora")[0]
    more = {"text_encoder_2.x.lora_linear_layer.down.weight": torch.ones(1, 1), f"{layer}.dora_scale": torch.ones(1)}
    save_file(state | more, tmp_path / "b.safetensors")
    with untouched(loaded), with_loras(loaded, family_of("FluxPipeline"), [use(tmp_path / "b.safetensors")]) as notes:
        assert [note.code for note in notes] == ["lora_without_dora", "lora_part_left_out"]
