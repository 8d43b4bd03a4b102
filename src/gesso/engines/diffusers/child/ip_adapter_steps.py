"""IP-Adapters over the steps of a call: which of them still count, and whether only in their region of the picture."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from diffusers.image_processor import IPAdapterMaskProcessor
from PIL import Image

from gesso.engines.diffusers.order import Attachment


def scales_of(one: Attachment, unet: Any) -> list[Any]:
    """Return the scale of each adapter; one by blocks has as many numbers for a block as that has attentions."""
    scales = list(one.scale) if isinstance(one.scale, list | tuple) else [one.scale] * len(one.parts)
    return [_fitting(scale, unet) if isinstance(scale, dict) else scale for scale in scales]


def _fitting(scale: dict[str, dict[str, list[float]]], unet: Any) -> dict[str, dict[str, list[float]]]:
    blocks = {"down": unet.down_blocks, "up": unet.up_blocks}
    return {
        way: {
            name: numbers[: len(blocks[way][int(name.removeprefix("block_"))].attentions)]
            for name, numbers in said.items()
        }
        for way, said in scale.items()
    }


@contextmanager
def over_the_steps(pipe: Any, one: Attachment, scales: list[Any]) -> Iterator[None]:
    """Follow a call's steps for as long as it runs; nothing is followed where all adapters count alike to the end."""
    if not one.until and not one.masks:
        yield
        return
    hook = pipe.unet.register_forward_pre_hook(_Steps(pipe, one, scales), with_kwargs=True)
    try:
        yield
    finally:
        hook.remove()


class _Steps:
    """Called before each run of the U-Net, which is once a step: a step's share is that of the steps done after it.

    The same rule as a ControlNet's: it ceases in the first step that would end behind its share.
    """

    def __init__(self, pipe: Any, one: Attachment, scales: list[Any]) -> None:
        self._pipe, self._scales = pipe, scales
        self._until = one.until or (1.0,) * len(one.parts)
        self._masked = one.masked
        self._masks = [None if mask is None else _prepared(mask, pipe) for mask in one.masks]
        self._step, self._before = 0, float("-inf")
        self._counting = (True,) * len(one.parts)

    def __call__(self, _unet: Any, args: tuple[Any, ...], words: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        time = float(words["timestep"] if "timestep" in words else args[1])
        self._step = self._step + 1 if time <= self._before else 0  # a new call starts with more noise
        self._before = time
        begun, ended = self._step / self._pipe.num_timesteps, (self._step + 1) / self._pipe.num_timesteps
        counting = tuple(ended <= until for until in self._until)
        if counting != self._counting:
            self._counting = counting
            scales = [scale if on else 0.0 for scale, on in zip(self._scales, counting, strict=True)]
            self._pipe.set_ip_adapter_scale(scales)
        first, last = self._masked
        if self._masks and first <= begun and ended <= last:
            own = words.get("cross_attention_kwargs") or {}
            words = words | {"cross_attention_kwargs": own | {"ip_adapter_masks": self._masks}}
        return args, words


def _prepared(mask: Any, pipe: Any) -> torch.Tensor:
    """Return a region as the attention takes it: [1, pictures of the adapter (one), height, width], 0 or 1."""
    made: torch.Tensor = IPAdapterMaskProcessor().preprocess([Image.fromarray(mask)])
    return made.reshape(1, 1, *made.shape[2:]).to(pipe.unet.device, pipe.unet.dtype)
