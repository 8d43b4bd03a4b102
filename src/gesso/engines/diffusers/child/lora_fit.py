"""Whether LoRA weights fit a pipeline: names and shapes held against its layers before anything of it is touched."""

from __future__ import annotations

import inspect
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers.loaders import StableDiffusionXLLoraLoaderMixin
from diffusers.utils.state_dict_utils import (
    convert_state_dict_to_diffusers,
    convert_state_dict_to_peft,
    convert_unet_state_dict_to_peft,
)
from safetensors import safe_open

from gesso.domain.events import Note
from gesso.engines.diffusers.child.loaded import Refused

_LAYER = re.compile(r"(?P<module>.+)\.lora_(?P<side>[AB])\.weight")
_TEXT_LAYERS = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")  # all that diffusers reads of a text encoder's
_PLAIN_NAME = re.compile(r"\^?[A-Za-z0-9_.]+")
_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)

State = dict[str, torch.Tensor]


@dataclass(frozen=True, eq=False)
class Part:
    """The layers of a LoRA for one component, by their names in it, and the alphas they were trained with."""

    name: str  # of the component
    state: State
    alphas: Mapping[str, Any] | None


def fitting(pipe: Any, denoiser: str, file: Path) -> tuple[tuple[Part, ...], tuple[Note, ...]]:
    """Return what a LoRA file holds for a pipeline, in the names of its components, and what of it is left out.

    Raises `Refused` where a name or a shape does not fit. Of the file's metadata only the alphas are read: diffusers
    would hand all of it to peft's configuration, and the file is a stranger's.
    """
    given, metadata = _read(file)
    _check_numbers(given)
    notes = []
    if any("dora_scale" in name for name in given):
        notes.append(Note("lora_without_dora", "A LoRA's magnitudes (DoRA) are left out: it counts as a plain LoRA."))
    converted, alphas = _converted(pipe, given)
    parts, strangers = [], set(converted)
    for name in pipe._lora_loadable_modules:
        own = {key: weight for key, weight in converted.items() if key.startswith(f"{name}.")}
        model = getattr(pipe, name, None)
        if not own or model is None:
            continue
        strangers -= set(own)
        bare = {key.removeprefix(f"{name}."): weight for key, weight in own.items()}
        is_denoiser = name == denoiser
        layers = convert_unet_state_dict_to_peft(bare) if is_denoiser else _text_layers(bare, model)
        ranks = _ranks(layers, model, is_denoiser=is_denoiser)
        told = {key: alpha for key, alpha in (alphas or {}).items() if key.startswith(f"{name}.")}
        state = {f"{name}.{key}": weight for key, weight in layers.items()} if is_denoiser else own
        parts.append(Part(name, state, told or _alphas(metadata, name, ranks)))
    if not parts:
        raise Refused("This LoRA does not fit this model: no layer of it has a name that the model has.")
    if strangers:
        others = sorted({key.split(".")[0] for key in strangers})
        if not all(other.startswith("text_encoder") for other in others):
            raise Refused("This LoRA does not fit this model: it holds weights for other parts than the model has.")
        message = "The part of a LoRA that is for a text encoder this model does not have is left out."
        notes.append(Note("lora_part_left_out", message, {"parts": others}))
    return tuple(parts), tuple(notes)


def _read(file: Path) -> tuple[State, dict[str, str]]:
    with safe_open(file, framework="pt", device="cpu") as opened:
        return {name: opened.get_tensor(name) for name in opened.keys()}, dict(opened.metadata() or {})  # noqa: SIM118


def _check_numbers(given: State) -> None:
    """Raise `Refused` for alphas that are not above 0 (diffusers' converters never end on a negative one), and for
    weights that nothing can be computed with."""
    for name, weight in given.items():
        if "alpha" in name:
            if weight.numel() != 1 or not 0 < weight.item() < math.inf:
                raise Refused("This LoRA says how strongly its layers count by numbers that are not above 0.")
        elif weight.dtype not in _FLOATS:
            raise Refused("This LoRA's weights are of a kind of numbers that is not computed with.")


def _converted(pipe: Any, given: State) -> tuple[State, Mapping[str, Any] | None]:
    """Return the weights in diffusers' own names, as its loaders convert what others wrote, and alphas it found."""
    how: dict[str, Any] = {"return_lora_metadata": True}
    if "return_alphas" in inspect.signature(type(pipe).lora_state_dict).parameters:
        how["return_alphas"] = True
    if isinstance(pipe, StableDiffusionXLLoraLoaderMixin):
        how["unet_config"] = pipe.unet.config
    try:
        state, *alphas, _ = pipe.lora_state_dict(dict(given), **how)
    except Exception as error:  # the converters raise whatever a name they do not expect makes them raise
        raise Refused("This LoRA does not fit this model: its names are not those of any form known for it.") from error
    return state, (alphas[0] if alphas else None)


def _text_layers(bare: State, model: torch.nn.Module) -> State:
    try:
        layers = convert_state_dict_to_peft(convert_state_dict_to_diffusers(dict(bare)))
    except ValueError as error:
        raise Refused(
            "This LoRA does not fit this model: its names for the text encoder are of no known form."
        ) from error
    if hasattr(model, "text_model"):
        return dict(layers)
    return {key.removeprefix("text_model."): weight for key, weight in layers.items()}


def _ranks(layers: State, model: torch.nn.Module, *, is_denoiser: bool) -> dict[str, int]:
    """Return each changed layer's rank. Raises `Refused` unless every weight is one side of a layer, and of its shape."""
    modules = dict(model.named_modules())
    sides: dict[str, dict[str, tuple[int, ...]]] = {}
    for key, weight in layers.items():
        match = _LAYER.fullmatch(key)
        if match is None:
            raise Refused(f"This LoRA does not fit this model: {key[:120]!r} is no part of a plain LoRA.")
        sides.setdefault(match["module"], {})[match["side"]] = tuple(weight.shape)
    for name, shapes in sides.items():
        module = modules.get(name)
        if module is None or (not is_denoiser and not name.endswith(_TEXT_LAYERS)):
            raise Refused(f"This LoRA does not fit this model, which has no layer {name[:120]!r}.")
        if set(shapes) != {"A", "B"} or shapes != _shapes(module, shapes["B"][1] if len(shapes["B"]) > 1 else 0):
            raise Refused(f"This LoRA does not fit this model: its weights for {name[:120]!r} have other shapes.")
    return {name: shapes["B"][1] for name, shapes in sides.items()}


def _shapes(module: torch.nn.Module, rank: int) -> dict[str, tuple[int, ...]] | None:
    """Return the shapes that the two sides of a LoRA of a rank have at a layer; None where there can be none."""
    if rank < 1:
        return None
    if isinstance(module, torch.nn.Linear):
        return {"A": (rank, module.in_features), "B": (module.out_features, rank)}
    if isinstance(module, torch.nn.Conv2d):
        inner = module.in_channels // module.groups
        return {"A": (rank, inner, *module.kernel_size), "B": (module.out_channels, rank, 1, 1)}
    return None


def _alphas(metadata: Mapping[str, str], part: str, ranks: Mapping[str, int]) -> dict[str, float] | None:
    """Return each layer's alpha as the file's metadata say it, in the form of `network_alphas`; None: they say none.

    Patterns are taken as names or ends of names; peft takes them as regular expressions, of a stranger.
    """
    try:
        told = json.loads(metadata.get("lora_adapter_metadata", "{}"))
        usual, pattern = told.get(f"{part}.lora_alpha"), told.get(f"{part}.alpha_pattern") or {}
        rooted = told.get(f"{part}.use_rslora") is True
        if usual is None and not pattern:
            return None
        if not all(_PLAIN_NAME.fullmatch(name) for name in pattern):
            raise Refused("This LoRA says how strongly its layers count in a way that is not taken here.")
        found = {}
        for name, rank in ranks.items():
            alpha = next((float(pattern[key]) for key in pattern if _means(key, name)), None)
            alpha = float(rank if usual is None else usual) if alpha is None else alpha
            if not math.isfinite(alpha):
                raise ValueError(alpha)
            found[f"{part}.^{name}.alpha"] = alpha * math.sqrt(rank) if rooted else alpha
    except (ValueError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise Refused("This LoRA's metadata cannot be read.") from error
    return found


def _means(pattern: str, name: str) -> bool:
    bare = pattern.removeprefix("^")
    return name == bare or (bare == pattern and name.endswith(f".{bare}"))
