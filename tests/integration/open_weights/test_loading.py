"""Checkpoints from disk: put together from several places, in the precision asked for, and refused in a sentence."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("diffusers", reason="needs the extra diffusers")

import diffusers
import torch
from safetensors.torch import load_file, save_file

from gesso.engines.diffusers.checkpoint import Checkpoint, Offload
from gesso.engines.diffusers.child import quantise
from gesso.engines.diffusers.child.load import bytes_of, load
from gesso.engines.diffusers.child.loaded import CannotLoad, Loaded
from gesso.engines.diffusers.child.siblings import pipeline_for
from gesso.engines.diffusers.needs import needs_of
from gesso.engines.diffusers.order import Call
from tiny_checkpoints.flux1 import flux1_transformer
from tiny_checkpoints.loras import save_lora
from tiny_checkpoints.one_file import save_one_file
from tiny_checkpoints.table import TINY
from tiny_checkpoints.unets import sdxl

KANDINSKY = "KandinskyV22CombinedPipeline"
MODEL = "diffusion_pytorch_model.safetensors"


def checkpoint(path: Path, **more: Any) -> Checkpoint:
    how = {"pipeline": "FluxPipeline", "precision": "float32"} | more
    return Checkpoint("maker/one", path=path, **how)


def read(wanted: Checkpoint) -> Loaded:
    return load(wanted, "cpu", lambda done, total: None)


def same(one: Any, other: Mapping[str, torch.Tensor] | Any) -> bool:
    """Tell whether two models hold the same numbers."""
    first, second = one.state_dict(), other if isinstance(other, Mapping) else other.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture
def copied(tiny: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that gives a copy of a tiny checkpoint, to be damaged."""
    return lambda name: Path(shutil.copytree(tiny(name), tmp_path / name))


@pytest.mark.parametrize("name", TINY)
def test_every_kind_is_loaded_as_its_files_say(name: str, tiny: Callable[[str], Path]) -> None:
    told: list[tuple[int, int]] = []
    wanted = checkpoint(tiny(name), pipeline=KANDINSKY if name == "kandinsky22" else "FluxPipeline")
    held = load(wanted, "cpu", lambda done, total: told.append((done, total)))
    total = told[0][1]
    assert told == [(done, total) for done in range(total + 1)]
    named = json.loads((tiny(name) / "model_index.json").read_text())
    assert held.about.pipeline == named["_class_name"]
    assert all(held.part(part) is not None for part, kind in held.about.parts if kind)
    assert not any(part.training for part in held.pipe.components.values() if isinstance(part, torch.nn.Module))
    assert abs(held.bytes - needs_of(wanted).device_bytes) < held.bytes / 8
    denoiser = "transformer" if held.about.has("transformer") else "unet"
    assert same(held.part(denoiser), load_file(tiny(name) / denoiser / MODEL))


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_weights_are_as_precise_as_asked(precision: str, tiny: Callable[[str], Path]) -> None:
    whole = read(checkpoint(tiny("flux1_dev")))
    held = read(checkpoint(tiny("flux1_dev"), precision=precision))
    for part in ("transformer", "vae", "text_encoder"):
        assert {weight.dtype for weight in held.part(part).parameters()} == {getattr(torch, precision)}
    assert held.bytes < whole.bytes * 0.6


def test_what_looks_for_nudity_in_one_family_is_not_loaded(copied: Callable[[str], Path]) -> None:
    folder = copied("sd15")
    index = json.loads((folder / "model_index.json").read_text())
    index |= {"safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"], "requires_safety_checker": True}
    (folder / "model_index.json").write_text(json.dumps(index))
    held = read(checkpoint(folder))
    assert held.pipe.safety_checker is None
    with pipeline_for(held, Call("StableDiffusionImg2ImgPipeline", {}, (64, 64))) as pipe:
        assert pipe.safety_checker is None


@pytest.mark.parametrize("layout", ["file", "folder"])
def test_a_transformer_published_alone_is_completed_by_its_base(
    layout: str, copied: Callable[[str], Path], tmp_path: Path
) -> None:
    base, other = copied("flux1_dev"), flux1_transformer(seed=77)
    other.save_pretrained(tmp_path / "srpo")
    shutil.rmtree(base / "transformer")
    (base / "transformer").mkdir()
    shutil.copy(tmp_path / "srpo" / "config.json", base / "transformer")
    place = tmp_path / "srpo" / MODEL if layout == "file" else tmp_path / "srpo"
    kind = "single_file" if layout == "file" else "folder"
    held = read(checkpoint(place, kind=kind, base=base))
    assert same(held.part("transformer"), other)
    assert same(held.part("vae"), load_file(base / "vae" / MODEL))
    assert type(held.pipe).__name__ == "FluxPipeline"


@pytest.mark.parametrize("held", ["everything", "no text encoders"])
def test_one_file_in_the_layout_it_was_trained_in(held: str, tmp_path: Path) -> None:
    pipe = sdxl(second=24)
    pipe.save_pretrained(tmp_path / "base")
    with torch.no_grad():
        for part in (pipe.unet, pipe.vae, pipe.text_encoder, pipe.text_encoder_2):
            for weight in part.parameters():
                weight.add_(0.01)
    file = save_one_file(pipe, tmp_path / "juggernaut.safetensors")
    encoders = ("text_encoder", "text_encoder_2")
    if held == "everything":
        for weights in (tmp_path / "base").rglob("*.safetensors"):
            weights.unlink()
    else:
        kept = {name: weight for name, weight in load_file(file).items() if not name.startswith("conditioner.")}
        save_file(kept, file)
    wanted = checkpoint(file, kind="single_file", base=tmp_path / "base")
    found = read(wanted)
    assert type(found.pipe).__name__ == "StableDiffusionXLPipeline"
    assert same(found.part("unet"), pipe.unet)
    assert same(found.part("vae"), pipe.vae)
    for name in encoders:
        assert same(found.part(name), getattr(pipe, name)) == (held == "everything")
    assert abs(found.bytes - needs_of(wanted).device_bytes) < found.bytes / 8


@pytest.mark.parametrize("layout", ["folder", "file"])
def test_an_encoder_of_pictures_from_elsewhere(layout: str, copied: Callable[[str], Path], tmp_path: Path) -> None:
    folder = copied("sd15")
    shutil.move(folder / "vae", tmp_path / "mse")
    (folder / "vae").mkdir()
    shutil.copy(tmp_path / "mse" / "config.json", folder / "vae")
    weights = {name: weight + 1 for name, weight in load_file(tmp_path / "mse" / MODEL).items()}
    save_file(weights, tmp_path / "mse" / MODEL)
    place = tmp_path / "mse" / MODEL if layout == "file" else tmp_path / "mse"
    with pytest.raises(CannotLoad, match=r"^maker/one cannot be loaded: vae holds no weights\.$"):
        read(checkpoint(folder))
    assert same(read(checkpoint(folder, beside=(("vae", place),))).part("vae"), weights)


def test_a_prior_from_beside(copied: Callable[[str], Path], tiny: Callable[[str], Path], tmp_path: Path) -> None:
    folder = copied("kandinsky22")
    (folder / "README.md").unlink()
    with pytest.raises(CannotLoad, match="its prior is missing"):
        read(checkpoint(folder, pipeline=KANDINSKY))
    prior = tiny("kandinsky22").with_name("kandinsky22-prior")
    held = read(checkpoint(folder, pipeline=KANDINSKY, beside=(("prior", prior),)))
    assert type(held.pipe) is diffusers.KandinskyV22CombinedPipeline
    assert same(held.part("prior_prior"), load_file(prior / "prior" / MODEL))


def test_the_small_variant_is_read_where_there_is_no_other(copied: Callable[[str], Path]) -> None:
    folder = copied("sdxl")
    weights = load_file(folder / "unet" / MODEL)
    for part, name in (("unet", "diffusion_pytorch_model"), ("text_encoder_2", "model")):
        (folder / part / f"{name}.safetensors").rename(folder / part / f"{name}.fp16.safetensors")
    assert same(read(checkpoint(folder)).part("unet"), weights)


def test_a_pickle_is_never_opened(copied: Callable[[str], Path], tmp_path: Path) -> None:
    folder, trace = copied("flux1_dev"), tmp_path / "it ran"

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return trace.touch, ()

    for part in ("vae", "transformer"):
        (folder / part / MODEL).unlink()
        torch.save({"weight": Trap()}, folder / part / "diffusion_pytorch_model.bin")
    with pytest.raises(CannotLoad, match="holds its weights as a pickle"):
        read(checkpoint(folder))
    assert not trace.exists()


def dropped(folder: Path) -> None:
    weights = load_file(folder / "transformer" / MODEL)
    save_file(
        {name: weight for name, weight in weights.items() if "norm_out" not in name}, folder / "transformer" / MODEL
    )


def widened(folder: Path) -> None:
    weights = load_file(folder / "transformer" / MODEL)
    save_file(weights | {"x_embedder.weight": torch.zeros(7, 7)}, folder / "transformer" / MODEL)


def renamed(folder: Path) -> None:
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps(index | {"_class_name": "FuturePipeline"}))


def garbled(folder: Path) -> None:
    (folder / "transformer" / "config.json").write_text("{")


def cut(folder: Path) -> None:
    (folder / "transformer" / MODEL).write_bytes((folder / "transformer" / MODEL).read_bytes()[:-9])


def wordless(folder: Path) -> None:
    for file in (folder / "tokenizer").iterdir():
        file.unlink()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (dropped, r"its transformer lacks 2 of its weights\."),
        (widened, r"it is not as diffusers expects it \(\w+\)\."),
        (renamed, r"diffusers [\d.]+ has no FuturePipeline\."),
        (garbled, r"it is not as diffusers expects it \(\w+\)\."),
        (cut, rf"transformer/{MODEL} is cut off\."),
        (wordless, r"tokenizer holds no vocabulary\."),
    ],
)
def test_what_is_wrong_is_said_without_a_path(
    damage: Callable[[Path], None], said: str, copied: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = copied("flux1_dev")
    damage(folder)
    with pytest.raises(CannotLoad, match=rf"^maker/one cannot be loaded: {said}$") as failure:
        read(checkpoint(folder))
    assert str(tmp_path) not in str(failure.value)
    assert failure.value.__cause__ is None


def test_running_out_of_memory_is_not_the_weights_fault(
    tiny: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    monkeypatch.setattr(diffusers.FluxTransformer2DModel, "from_pretrained", full)
    with pytest.raises(RuntimeError, match="can't allocate memory"):
        read(checkpoint(tiny("flux1_dev")))


def test_there_are_never_two_loads_at_once(tiny: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    inside, most = [0], [0]
    reading = diffusers.FluxTransformer2DModel.from_pretrained

    def watched(*given: Any, **named: Any) -> Any:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        time.sleep(0.05)  # in which another would begin
        found = reading(*given, **named)
        inside[0] -= 1
        return found

    monkeypatch.setattr(diffusers.FluxTransformer2DModel, "from_pretrained", watched)
    with ThreadPoolExecutor(3) as threads:
        found = list(threads.map(lambda _: read(checkpoint(tiny("flux1_dev"))).bytes, range(3)))
    assert most == [1]
    assert len(set(found)) == 1


def test_eight_bit_floats_are_kept_and_computed_with_as_asked(tiny: Callable[[str], Path]) -> None:
    held = read(checkpoint(tiny("flux1_dev"), precision="bfloat16", quantisation="fp8"))
    kinds = {weight.dtype for weight in held.part("transformer").transformer_blocks.parameters()}
    assert torch.float8_e4m3fn in kinds
    assert {weight.dtype for weight in held.part("text_encoder_2").parameters()} == {torch.bfloat16}
    with pipeline_for(held, Call("FluxPipeline", {}, (32, 32))) as pipe:
        made = pipe("a red fox", width=32, height=32, num_inference_steps=1, output_type="np")
    assert made.images[0].std() > 0.01
    assert torch.float8_e4m3fn in {one.dtype for one in held.part("transformer").transformer_blocks.parameters()}


@pytest.mark.parametrize("offload", ["none", "group", "model"])
def test_a_lora_beside_eight_bit_floats_is_as_precise_as_what_is_computed(
    offload: Offload, tiny: Callable[[str], Path], tmp_path: Path
) -> None:
    whole = read(checkpoint(tiny("flux1_dev"), precision="bfloat16"))
    lora = load_file(save_lora(whole.pipe, tmp_path / "lora.safetensors"))
    held = read(checkpoint(tiny("flux1_dev"), precision="bfloat16", quantisation="fp8", offload=offload))

    def painted() -> Any:
        with pipeline_for(held, Call("FluxPipeline", {}, (32, 32))) as pipe:
            dice = torch.Generator().manual_seed(3)
            return pipe("a fox", width=32, height=32, num_inference_steps=1, output_type="np", generator=dice).images[0]

    plain = painted()
    held.pipe.load_lora_weights(lora, adapter_name="one")
    layers = [weight for name, weight in held.part("transformer").named_parameters() if "lora_" in name]
    assert {weight.dtype for weight in layers} == {torch.bfloat16}
    assert abs(painted() - plain).mean() > 0.01
    held.pipe.unload_lora_weights()
    assert (painted() == plain).all()


def test_what_two_parts_share_is_counted_once(tiny: Callable[[str], Path]) -> None:
    held = read(checkpoint(tiny("sdxl")))
    before = bytes_of(held.pipe)
    size = sum(weight.numel() * weight.element_size() for weight in held.part("text_encoder").parameters())
    held.pipe.register_modules(image_encoder=held.part("text_encoder"))
    assert bytes_of(held.pipe) == before > size


@pytest.mark.parametrize(("wanted", "what"), [("int8", "bitsandbytes or torchao"), ("nf4", "bitsandbytes")])
def test_what_is_to_be_installed_is_said(
    wanted: str, what: str, tiny: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantise, "find_spec", lambda name: None)
    with pytest.raises(CannotLoad, match=rf"^maker/one is to be loaded as {wanted}: install {what} for that\.$"):
        read(checkpoint(tiny("flux1_dev"), quantisation=wanted))


def test_integers_need_cuda_and_whole_parts(tiny: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantise, "find_spec", lambda name: name if name == "bitsandbytes" else None)
    with pytest.raises(CannotLoad, match=r"which needs a CUDA device\.$"):
        read(checkpoint(tiny("flux1_dev"), quantisation="nf4"))
    with pytest.raises(CannotLoad, match=r"which cannot be offloaded by group\.$"):
        load(checkpoint(tiny("flux1_dev"), quantisation="int8", offload="group"), "cuda:0", lambda done, total: None)
