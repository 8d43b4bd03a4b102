"""What is attached for a call leaves no trace, is read once, and says what is missing or broken."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytest.importorskip("diffusers", reason="needs the extra diffusers")

import torch
from diffusers import StableDiffusionXLPipeline
from equality import checkpoint, order, picture, read
from PIL import Image
from safetensors.torch import load_file, save_file

from gesso.engines.diffusers.checkpoint import Checkpoint
from gesso.engines.diffusers.child.ip_adapter_files import adapter_file, encoder_folder
from gesso.engines.diffusers.child.load import load
from gesso.engines.diffusers.child.loaded import CannotLoad, Loaded, Stopped
from gesso.engines.diffusers.child.siblings import pipeline_for
from gesso.engines.diffusers.families.table import family_of
from gesso.engines.diffusers.order import Call, Given
from tiny_checkpoints.loras import save_lora
from tiny_checkpoints.unets import save_ip_adapter, xl_controlnet

Tiny = Callable[[str], Path]


@pytest.fixture
def adapters(tiny: Tiny, tmp_path: Path) -> Path:
    save_ip_adapter(tmp_path / "adapters", read(tiny("sdxl")).unet)
    return tmp_path / "adapters"


def loaded(tiny: Tiny, pipeline: str = "StableDiffusionXLPipeline", **beside: Path) -> Loaded:
    weights: Checkpoint = checkpoint(tiny("sdxl"), pipeline, beside=tuple(beside.items()))
    return load(weights, "cpu", lambda done, total: None)


def call(held: Loaded, *given: Given, **asked: Any) -> Call:
    family = family_of(held.checkpoint.pipeline)
    return family.call(order(held.checkpoint, given=given, arguments=asked, width=64, height=64), held.about)


def painted(held: Loaded, made: Call, **more: Any) -> np.ndarray:
    with pipeline_for(held, made) as pipe:
        pictures = {name: as_pil(one) for name, one in made.pictures.items()}
        generator = torch.Generator().manual_seed(1)
        images = pipe(**made.arguments, **pictures, **more, generator=generator, output_type="np").images
    return np.asarray(images[0])


def as_pil(given: Any) -> Any:
    return [as_pil(one) for one in given] if isinstance(given, list) else Image.fromarray(given)


def test_a_call_that_is_stopped_takes_its_adapter_off(tiny: Tiny, adapters: Path) -> None:
    held = loaded(tiny, ip_adapter=adapters)
    plain = painted(held, call(held))
    shown = Given("control[0]", picture(64, 64))

    def stop(*_: Any) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        painted(held, call(held, shown), callback_on_step_end=stop)
    assert held.pipe.image_encoder is None
    assert not held.pipe.unet._forward_pre_hooks
    assert np.array_equal(painted(held, call(held)), plain)


def test_weights_beside_are_read_once_and_counted(tiny: Tiny, adapters: Path, tmp_path: Path) -> None:
    xl_controlnet().save_pretrained(tmp_path / "edges")
    held = loaded(tiny, ip_adapter=adapters, control_edges=tmp_path / "edges")
    alone = held.bytes
    shown = Given("control[0]", picture(64, 64)), Given("control[1]", picture(64, 64))
    made = call(held, *shown, **{"control_type[1]": "PyraCanny"})
    first = painted(held, made)
    kept = dict(held.kept["attached"])
    taken = held.bytes
    assert taken > alone
    assert np.array_equal(painted(held, made), first)
    assert all(held.kept["attached"][name] is one for name, one in kept.items())
    assert (len(held.kept["attached"]), held.bytes) == (len(kept), taken)


@pytest.mark.parametrize(("kind", "word"), [("ImagePrompt", "ip_adapter"), ("CPDS", "control_depth")])
def test_what_is_not_there_is_said_without_a_path(tiny: Tiny, tmp_path: Path, kind: str, word: str) -> None:
    shown = Given("control[0]", picture(64, 64))
    without = loaded(tiny)
    with pytest.raises(CannotLoad, match=word):
        painted(without, call(without, shown, **{"control_type[0]": kind}))
    empty = loaded(tiny, **{word: tmp_path})
    with pytest.raises(CannotLoad) as said:
        painted(empty, call(empty, shown, **{"control_type[0]": kind}))
    assert str(tmp_path) not in str(said.value)


def test_a_file_that_is_no_adapter_is_said(tiny: Tiny, adapters: Path) -> None:
    shown = Given("control[0]", picture(64, 64))
    file = adapters / "sdxl_models" / "ip-adapter.safetensors"
    save_file({"image_proj.norm.weight": torch.ones(4)}, file)
    held = loaded(tiny, ip_adapter=adapters)
    with pytest.raises(CannotLoad, match="image_proj and ip_adapter"):
        painted(held, call(held, shown))
    file.write_bytes(b"nothing")
    held = loaded(tiny, ip_adapter=file)
    with pytest.raises(CannotLoad, match="cannot be read"):
        painted(held, call(held, shown))


def test_files_in_the_layout_of_the_known_repository(tmp_path: Path) -> None:
    names = (
        "ip-adapter_sdxl",
        "ip-adapter_sdxl_vit-h",
        "ip-adapter-plus_sdxl_vit-h",
        "ip-adapter-plus-face_sdxl_vit-h",
    )
    for place in ("sdxl_models/image_encoder", "models/image_encoder"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "config.json").touch()
    for name in names:
        (tmp_path / "sdxl_models" / f"{name}.safetensors").touch()
    (tmp_path / "models" / "ip-adapter_sd15.safetensors").touch()
    content, face = adapter_file(tmp_path, "ip_adapter"), adapter_file(tmp_path, "ip_adapter_face")
    assert (content.stem, face.stem) == names[2:]
    assert encoder_folder(content) == tmp_path / "models" / "image_encoder"
    assert encoder_folder(tmp_path / "sdxl_models" / f"{names[0]}.safetensors").parent.name == "sdxl_models"


# ── PhotoMaker, whose package is a stand-in with the words of the real one ────────────────────────────


class StandIn(StableDiffusionXLPipeline):  # type: ignore[misc]  # the library has no types
    """Takes what the package's pipeline takes, notes it, and paints without the photographs."""

    seen: dict[str, Any] = {}

    def load_photomaker_adapter(
        self,
        pretrained_model_name_or_path_or_dict: dict[str, Any],
        weight_name: str,
        subfolder: str = "",
        trigger_word: str = "img",
        pm_version: str = "v2",
    ) -> None:
        assert list(pretrained_model_name_or_path_or_dict) == ["id_encoder", "lora_weights"]
        StandIn.seen = {"version": pm_version, "trigger": trigger_word}
        self.load_lora_weights(pretrained_model_name_or_path_or_dict["lora_weights"], adapter_name="photomaker")
        for tokenizer in (self.tokenizer, self.tokenizer_2):
            tokenizer.add_tokens([trigger_word], special_tokens=True)

    def __call__(self, prompt: str, input_id_images: list[Any], start_merge_step: int, **words: Any) -> Any:
        StandIn.seen |= {"pictures": len(input_id_images), "step": start_merge_step}
        return super().__call__(prompt=prompt.replace(" img", ""), **words)


@pytest.mark.parametrize("suffix", ["bin", "safetensors"])
def test_photomaker_through_its_package(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    package = ModuleType("photomaker")
    package.PhotoMakerStableDiffusionXLPipeline = StandIn  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "photomaker", package)
    lora = load_file(save_lora(read(tiny("sdxl")), tmp_path / "lora.safetensors"))
    weights = tmp_path / "photomaker"
    weights.mkdir()
    groups = {"id_encoder": {"some.weight": torch.ones(2)}, "lora_weights": lora}
    if suffix == "bin":
        torch.save(groups, weights / "photomaker-v1.bin")
    else:
        flat = {f"{group}.{name}": one for group, named in groups.items() for name, one in named.items()}
        save_file(flat, weights / "photomaker-v1.safetensors")
    held = loaded(tiny, "PhotoMakerStableDiffusionXLPipeline", photomaker=weights)
    usual = call(replaced(held, "StableDiffusionXLPipeline"), prompt="a man")
    plain, words = painted(held, usual), len(held.pipe.tokenizer)
    people = Given("id_images", picture(64, 64)), Given("id_images", picture(64, 64, 4))
    found = painted(held, call(held, *people, prompt="a man img", num_inference_steps=10, start_merge_step=30))
    assert StandIn.seen == {"version": "v1", "trigger": "img", "pictures": 2, "step": 3}
    assert not np.array_equal(found, plain)
    assert len(held.pipe.tokenizer) == words
    assert np.array_equal(painted(held, usual), plain)


def replaced(held: Loaded, pipeline: str) -> Loaded:
    """Return the same weights as another family sees them."""
    return Loaded(held.pipe, held.about, replace(held.checkpoint, pipeline=pipeline), held.bytes, held.device)
