"""Further weights a call needs on its pipeline: ControlNets, IP-Adapters, PhotoMaker's; read once, put on for one call.

A ControlNet and the encoder of an IP-Adapter's pictures are words of the pipeline's constructor (`parts_for`). What goes
into the checkpoint's own parts is put on and taken off again around the call (`attached`).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch
from diffusers import ControlNetModel
from safetensors import safe_open
from transformers import CLIPImageProcessor, CLIPVisionModelWithProjection

from gesso.engines.diffusers.child.ip_adapter_files import adapter_file, encoder_folder
from gesso.engines.diffusers.child.ip_adapter_steps import over_the_steps, scales_of
from gesso.engines.diffusers.child.loaded import CannotLoad, Loaded
from gesso.engines.diffusers.order import Attachment, Call

KEPT = "attached"  # the name under which `Loaded.kept` holds what was read: path → module or weights


def parts_for(loaded: Loaded, call: Call) -> dict[str, Any]:
    """Return the words of the pipeline's constructor that stand beside the checkpoint's own components.

    Raises `CannotLoad` where weights are missing or broken.
    """
    found: dict[str, Any] = {}
    for one in call.attachments:
        if one.kind == "control":
            nets = [_controlnet(loaded, _place(loaded, name)) for name in one.parts]
            found["controlnet"] = nets[0] if len(nets) == 1 else nets
        elif one.kind == "ip_adapter":
            file = adapter_file(_place(loaded, one.parts[0]), one.parts[0])
            encoder = _encoder(loaded, encoder_folder(file))
            size = encoder.config.image_size
            found |= {
                "image_encoder": encoder,
                "feature_extractor": CLIPImageProcessor(size=size, crop_size=size),  # as diffusers makes it
            }
        else:  # it teaches the tokenizers a word
            found |= {name: copy.deepcopy(loaded.part(name)) for name in ("tokenizer", "tokenizer_2")}
    return found


@contextmanager
def attached(pipe: Any, loaded: Loaded, call: Call) -> Iterator[None]:
    """Put on what goes into the parts of the checkpoint, for the time of a call; every trace is taken off at the end."""
    with ExitStack() as stack:
        for one in call.attachments:
            if one.kind == "ip_adapter":
                stack.enter_context(_ip_adapters(pipe, loaded, one))
            elif one.kind == "photomaker":
                stack.enter_context(_photomaker(pipe, loaded, one))
        yield


@contextmanager
def _ip_adapters(pipe: Any, loaded: Loaded, one: Attachment) -> Iterator[None]:
    files = [adapter_file(_place(loaded, name), name) for name in one.parts]
    weights = [_adapter(loaded, file) for file in files]
    try:
        pipe.load_ip_adapter(weights, subfolder="", weight_name=[file.name for file in files])
        scales = scales_of(one, pipe.unet)
        pipe.set_ip_adapter_scale(scales)
        with over_the_steps(pipe, one, scales):
            yield
    finally:
        pipe.unload_ip_adapter()


@contextmanager
def _photomaker(pipe: Any, loaded: Loaded, one: Attachment) -> Iterator[None]:
    """Put PhotoMaker's encoder and its LoRA on; its pipeline class comes with its package."""
    weights = _photomaker_weights(loaded, _place(loaded, one.parts[0]))
    try:
        pipe.load_photomaker_adapter(weights, weight_name="photomaker-v1.bin", trigger_word="img", pm_version="v1")
        pipe.set_adapters(["photomaker"], adapter_weights=[1.0])
        yield
    finally:
        pipe.unload_lora_weights()


def _place(loaded: Loaded, name: str) -> Path:
    place = loaded.checkpoint.part(name)
    if place is None or not place.exists():
        raise CannotLoad(f"The weights {name} that belong beside {loaded.checkpoint.target} are not there.")
    return place


def _kept(loaded: Loaded) -> dict[str, Any]:
    held: dict[str, Any] = loaded.kept.setdefault(KEPT, {})
    return held


def _controlnet(loaded: Loaded, folder: Path) -> Any:
    held = _kept(loaded)
    if str(folder) not in held:
        try:
            net = ControlNetModel.from_pretrained(folder, torch_dtype=_dtype(loaded), use_safetensors=True)
        except (OSError, ValueError) as error:
            raise CannotLoad(
                f"The ControlNet beside {loaded.checkpoint.target} cannot be read ({_short(error)})."
            ) from error
        held[str(folder)] = _counted(loaded, net)
    return held[str(folder)]


def _encoder(loaded: Loaded, folder: Path) -> Any:
    held = _kept(loaded)
    if str(folder) not in held:
        try:
            found = CLIPVisionModelWithProjection.from_pretrained(folder, dtype=_dtype(loaded), use_safetensors=True)
        except (OSError, ValueError) as error:
            raise CannotLoad(f"The IP-Adapter's picture encoder cannot be read ({_short(error)}).") from error
        held[str(folder)] = _counted(loaded, found)
    return held[str(folder)]


def _adapter(loaded: Loaded, file: Path) -> dict[str, dict[str, torch.Tensor]]:
    """Return an IP-Adapter's weights in the two groups that diffusers reads."""
    held = _kept(loaded)
    if str(file) not in held:
        held[str(file)] = _groups(loaded, file, ("image_proj", "ip_adapter"))
    found: dict[str, dict[str, torch.Tensor]] = held[str(file)]
    return found


def _photomaker_weights(loaded: Loaded, place: Path) -> dict[str, Any]:
    """Return PhotoMaker's weights in the two groups that its package reads.

    Its authors publish a pickle. Of one nothing but tensors is read; one written as safetensors goes before it.
    """
    held = _kept(loaded)
    if str(place) not in held:
        files = [place] if place.is_file() else [*place.glob("*.safetensors"), *place.glob("photomaker-v1.bin")]
        if not files:
            raise CannotLoad("PhotoMaker's weights are not where those of its name should be.")
        held[str(place)] = _groups(loaded, files[0], ("id_encoder", "lora_weights"))
    found: dict[str, Any] = held[str(place)]
    return found


def _groups(loaded: Loaded, file: Path, names: tuple[str, str]) -> dict[str, dict[str, torch.Tensor]]:
    weights: dict[str, dict[str, torch.Tensor]] = {name: {} for name in names}
    try:
        if file.suffix == ".safetensors":
            with safe_open(file, framework="pt", device="cpu") as opened:
                for key in opened.keys():  # noqa: SIM118 -- it is no mapping
                    group, _, rest = key.partition(".")
                    if group in weights:
                        weights[group][rest] = opened.get_tensor(key)
        else:
            read = torch.load(file, map_location="cpu", weights_only=True)
            weights = {name: dict(read.get(name, {})) for name in names}
    except Exception as error:
        raise CannotLoad(f"Weights beside {loaded.checkpoint.target} cannot be read ({_short(error)}).") from error
    if not all(weights.values()):
        raise CannotLoad(f"Weights beside {loaded.checkpoint.target} have not the layers {' and '.join(names)}.")
    return weights


def _dtype(loaded: Loaded) -> torch.dtype:
    """Return what the checkpoint computes in: its weights may be kept in fewer bits."""
    found: torch.dtype = getattr(torch, loaded.checkpoint.precision)
    return found


def _counted(loaded: Loaded, module: torch.nn.Module) -> torch.nn.Module:
    """Bring a module to where the checkpoint computes, and add what it takes to what the checkpoint takes."""
    loaded.bytes += sum(weight.numel() * weight.element_size() for weight in module.parameters())
    return module.eval().to(loaded.device)


def _short(error: Exception) -> str:
    return type(error).__name__  # the message holds paths of this machine
