"""LoRAs on a pipeline for the time of a call: put on in the order asked for, each with its scale, and all taken off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from diffusers.loaders.lora_base import set_adapters_for_text_encoder
from safetensors import SafetensorError

from gesso.domain.events import Note
from gesso.engines.diffusers.child.loaded import Loaded, Refused
from gesso.engines.diffusers.child.lora_fit import Part, fitting
from gesso.engines.diffusers.family import Family
from gesso.engines.diffusers.lora import LoraUse


class LeftBehind(Exception):
    """Something of a LoRA could not be taken off: the checkpoint has to be loaded anew."""


@contextmanager
def with_loras(loaded: Loaded, family: Family, uses: Sequence[LoraUse]) -> Iterator[tuple[Note, ...]]:
    """Have a pipeline paint with LoRAs. Raises `Refused`, with the pipeline untouched, where one does not fit.

    Any other exception, `LeftBehind` above all, means that the checkpoint should be loaded anew.
    """
    if not uses:
        yield ()
        return
    pipe = loaded.pipe
    if not family.takes_loras or not hasattr(pipe, "load_lora_weights"):
        raise Refused("This model takes no LoRA.")
    before = _structure(pipe)
    fits = [_fitting(pipe, family.denoiser, use) for use in uses]
    notes = tuple(note for _, told in fits for note in told)
    try:
        _put_on(pipe, family.denoiser, [parts for parts, _ in fits], [use.scale for use in uses])
        fits.clear()  # on the pipeline now
        yield notes
    finally:
        pipe.unload_lora_weights()
        if _structure(pipe) != before:
            raise LeftBehind("a LoRA left layers on the model")


def _put_on(pipe: Any, denoiser: str, loras: Sequence[Sequence[Part]], scales: Sequence[float]) -> None:
    adapters: dict[str, dict[str, float]] = {}  # scales by component and adapter
    for number, (parts, scale) in enumerate(zip(loras, scales, strict=True)):
        for part in parts:
            _put(pipe, denoiser, part, f"lora_{number}")
            adapters.setdefault(part.name, {})[f"lora_{number}"] = scale
    for component, scaled in adapters.items():
        model = getattr(pipe, component)
        if component == denoiser:
            model.set_adapters(list(scaled), list(scaled.values()))
        else:
            set_adapters_for_text_encoder(list(scaled), model, list(scaled.values()))


def _fitting(pipe: Any, denoiser: str, use: LoraUse) -> tuple[tuple[Part, ...], tuple[Note, ...]]:
    try:
        return fitting(pipe, denoiser, use.ready.path)
    except (OSError, SafetensorError) as error:
        raise Refused("The file of a LoRA cannot be read any more.") from error


def _put(pipe: Any, denoiser: str, part: Part, adapter: str) -> None:
    model = getattr(pipe, part.name)
    if part.name == denoiser:  # low_cpu_mem_usage: no random numbers are drawn for what is written over
        model.load_lora_adapter(
            dict(part.state),
            prefix=part.name,
            network_alphas=part.alphas,
            adapter_name=adapter,
            _pipeline=pipe,
            low_cpu_mem_usage=True,
        )
        return
    with torch.random.fork_rng(devices=[]):  # transformers draws some all the same
        pipe.load_lora_into_text_encoder(
            dict(part.state),
            network_alphas=part.alphas,
            text_encoder=model,
            prefix=part.name,
            adapter_name=adapter,
            _pipeline=pipe,
            low_cpu_mem_usage=True,
        )


def _structure(pipe: Any) -> list[tuple[object, ...]]:
    """Return what a LoRA may change: the modules and weights of what it can be put on."""
    found: list[tuple[object, ...]] = []
    for component in pipe._lora_loadable_modules:
        model = getattr(pipe, component, None)
        if model is not None:
            found += ((component, name, type(module)) for name, module in model.named_modules())
            found += ((component, name, tuple(weight.shape)) for name, weight in model.named_parameters())
            found.append((component, hasattr(model, "peft_config")))
    return found
