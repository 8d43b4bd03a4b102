"""The pipeline of a call: of the checkpoint's parts, with its own scheduler; the checkpoint's own pipeline stays as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("diffusers", reason="needs the extra diffusers")

import torch
from diffusers import DPMSolverMultistepScheduler, PNDMScheduler
from PIL import Image
from safetensors.torch import load_file

from gesso.engines.diffusers.checkpoint import Checkpoint, Offload
from gesso.engines.diffusers.child.load import load
from gesso.engines.diffusers.child.loaded import Loaded, Refused
from gesso.engines.diffusers.child.siblings import pipeline_for
from gesso.engines.diffusers.order import Call, Scheduling
from tiny_checkpoints.loras import save_lora

SIZE = (64, 64)
WORDS = {"prompt": "a red fox", "width": 64, "height": 64, "num_inference_steps": 2}
CLASSES = {  # of checkpoints that are another class than their route's
    "kandinsky22": "KandinskyV22CombinedPipeline",
    "sana": "SanaPAGPipeline",
}
OWN: dict[str, dict[str, Any]] = {
    "kandinsky22": {"prior_num_inference_steps": 2},
    "qwen_image": {"negative_prompt": " "},
    "sana": {"use_resolution_binning": False},
    "z_image_turbo": {"guidance_scale": 0.0},
}


def loaded(folder: Path, *, offload: Offload = "none") -> Loaded:
    """Return a tiny checkpoint, loaded as exactly as the CPU computes."""
    pipeline = CLASSES.get(folder.name, "FluxPipeline")
    checkpoint = Checkpoint("tiny/one", pipeline, folder, precision="float32", offload=offload)
    return load(checkpoint, "cpu", lambda done, total: None)


def call(held: Loaded, name: str = "", **more: Any) -> Call:
    """Return a call of the checkpoint's own class, or another."""
    own = OWN.get(held.checkpoint.path.name, {})
    arguments = more.pop("arguments", WORDS | own)
    return Call(name or type(held.pipe).__name__, arguments, SIZE, **more)


def painted(pipe: Any, arguments: Any) -> np.ndarray:
    """Return what a pipeline paints, always with the same seed."""
    made = pipe(**arguments, generator=torch.Generator().manual_seed(5), output_type="np")
    return (np.asarray(made.images[0]) * 255).round().astype(np.uint8)


def by(held: Loaded, wanted: Call) -> np.ndarray:
    """Return what the pipeline of a call paints."""
    with pipeline_for(held, wanted) as pipe:
        return painted(pipe, wanted.arguments)


@pytest.mark.parametrize("offload", ["group", "model"])
@pytest.mark.parametrize("name", ["flux1_dev", "sdxl", "kandinsky22", "sana", "qwen_image"])
def test_weights_that_come_and_go_paint_the_same(name: str, offload: Offload, tiny: Callable[[str], Path]) -> None:
    held = loaded(tiny(name))
    plain = by(held, call(held))
    waiting = loaded(tiny(name), offload=offload)
    assert np.array_equal(by(waiting, call(waiting)), plain)
    assert np.array_equal(by(waiting, call(waiting)), plain), "once more, after all was brought back"
    assert hooks_on(waiting) == set()


@pytest.mark.parametrize("offload", ["group", "model", "sequential"])
def test_weights_are_brought_back_when_a_call_breaks_off(offload: Offload, tiny: Callable[[str], Path]) -> None:
    held = loaded(tiny("flux1_dev"), offload=offload)
    before, hooked = weights_of(held), set[str]()
    with pytest.raises(KeyError), pipeline_for(held, call(held)):  # noqa: PT012 -- it is broken off within
        hooked.update(hooks_on(held))
        raise KeyError
    assert hooked
    assert hooks_on(held) == set()
    after = weights_of(held)
    assert before.keys() == after.keys()
    assert all(torch.equal(after[name], weight) for name, weight in before.items())


def test_a_lora_is_seen_by_weights_that_come_and_go(tiny: Callable[[str], Path], tmp_path: Path) -> None:
    held = loaded(tiny("flux1_dev"))
    file = save_lora(held.pipe, tmp_path / "lora.safetensors")
    plain = by(held, call(held))
    held.pipe.load_lora_weights(load_file(file), adapter_name="one")
    wanted = by(held, call(held))
    waiting = loaded(tiny("flux1_dev"), offload="group")
    waiting.pipe.load_lora_weights(load_file(file), adapter_name="one")
    assert np.array_equal(by(waiting, call(waiting)), wanted)
    waiting.pipe.unload_lora_weights()
    assert np.array_equal(by(waiting, call(waiting)), plain)
    assert not np.array_equal(plain, wanted)


def test_the_checkpoint_stays_as_it_was(tiny: Callable[[str], Path]) -> None:
    held = loaded(tiny("sd15"))
    scheduler, config, own = held.pipe.scheduler, dict(held.pipe.scheduler.config), dict(held.pipe.config)
    first = painted(held.pipe, WORDS)
    picture = Image.fromarray(first)
    other = Scheduling("EulerDiscreteScheduler", (("use_karras_sigmas", True),))
    arguments = {"prompt": "a red fox", "image": picture, "strength": 0.6, "num_inference_steps": 4}
    changed = by(held, call(held, "StableDiffusionImg2ImgPipeline", arguments=arguments, scheduling=other))
    assert not np.array_equal(changed, first)
    assert held.pipe.scheduler is scheduler
    assert dict(scheduler.config) == config
    assert dict(held.pipe.config) == own
    assert {weight.dtype for weight in weights_of(held).values() if weight.is_floating_point()} == {torch.float32}
    assert np.array_equal(painted(held.pipe, WORDS), first)


def test_a_scheduler_is_made_of_the_checkpoints_own(tiny: Callable[[str], Path]) -> None:
    held = loaded(tiny("sd15"))
    wanted = Scheduling("DPMSolverMultistepScheduler", (("use_karras_sigmas", True),))
    with pipeline_for(held, call(held, scheduling=wanted)) as pipe:
        assert isinstance(pipe.scheduler, DPMSolverMultistepScheduler)
        assert pipe.scheduler.config.use_karras_sigmas
        assert pipe.scheduler.config.beta_schedule == "scaled_linear"
    with pipeline_for(held, call(held)) as pipe:
        assert isinstance(pipe.scheduler, PNDMScheduler)
        assert pipe.scheduler is not held.pipe.scheduler


def test_what_a_checkpoint_says_of_itself_holds_for_every_class(tiny: Callable[[str], Path]) -> None:
    for name, distilled in (("flux2_klein", True), ("flux2_klein_base", False)):
        held = loaded(tiny(name))
        with pipeline_for(held, call(held, "Flux2KleinInpaintPipeline")) as pipe:
            assert pipe.config.is_distilled is distilled
            assert pipe.transformer is held.pipe.transformer


def test_settings_of_a_call_win(tiny: Callable[[str], Path]) -> None:
    held = loaded(tiny("sana"))
    with pipeline_for(held, call(held, "SanaPAGPipeline", settings=(("pag_applied_layers", "blocks.1"),))) as pipe:
        assert pipe.pag_applied_layers == ["blocks.1"]


def test_guidance_that_is_a_part_is_a_copy(tiny: Callable[[str], Path]) -> None:
    held = loaded(tiny("hunyuan_image21"))
    before = held.pipe.guider.guidance_scale
    with pipeline_for(held, call(held, guider_scale=7.25)) as pipe:
        assert pipe.guider.guidance_scale == 7.25
    assert held.pipe.guider.guidance_scale == before


def test_a_class_that_needs_what_is_not_there_is_refused(tiny: Callable[[str], Path]) -> None:
    held = loaded(tiny("sdxl"))
    with pytest.raises(Refused, match=r"^tiny/one lacks what StableDiffusionXLControlNetPipeline needs: controlnet\.$"):
        by(held, call(held, "StableDiffusionXLControlNetPipeline"))
    with pytest.raises(Refused, match=r"^This installation has no Painter\.$"):
        by(held, call(held, "nowhere.at.all:Painter"))


def weights_of(held: Loaded) -> dict[str, torch.Tensor]:
    """Return copies of all weights by name."""
    models = {name: part for name, part in held.pipe.components.items() if isinstance(part, torch.nn.Module)}
    return {f"{part}.{name}": at.clone() for part, model in models.items() for name, at in model.state_dict().items()}


def hooks_on(held: Loaded) -> set[str]:
    """Return what was put around the layers of a checkpoint and not taken off."""
    found = set()
    for model in held.pipe.components.values():
        for module in model.modules() if isinstance(model, torch.nn.Module) else ():
            found |= set(module._diffusers_hook.hooks) if hasattr(module, "_diffusers_hook") else set()
            found |= {"accelerate"} if hasattr(module, "_hf_hook") else set()
    return found
