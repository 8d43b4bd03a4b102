"""Weights that wait in main memory and are brought to the device as they are needed, for the time of one call.

`model` brings a whole part at a time, `group` layer after layer while the one before is computed, `sequential` layer after
layer one by one. The bytes painted are the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from diffusers.hooks import HookRegistry

from gesso.engines.diffusers.checkpoint import Offload

GROUPS = ("group_offloading", "lazy_prefetch_group_offloading", "layer_execution_tracker")  # names of diffusers' hooks
SUPPORTS = "_supports_group_offloading"  # diffusers' models say so; all others do


def where_it_waits(offload: Offload, device: str) -> str:
    """Return where weights are put when they are loaded."""
    return device if offload == "none" else "cpu"


@contextmanager
def offloaded(pipe: Any, offload: Offload, device: str) -> Iterator[None]:
    """Have a pipeline's weights come and go while it runs; afterwards they are all in main memory, without hooks."""
    if offload == "none":
        try:
            yield
        finally:
            pipe.maybe_free_model_hooks()
        return
    try:
        _begin(pipe, offload, torch.device(device))
        yield
    finally:
        _end(pipe)


def _begin(pipe: Any, offload: Offload, device: torch.device) -> None:
    if offload == "model":
        pipe.enable_model_cpu_offload(device=device)
    elif offload == "sequential":
        pipe.enable_sequential_cpu_offload(device=device)
    else:
        whole = [name for name, part in pipe.components.items() if not getattr(part, SUPPORTS, True)]
        pipe.enable_group_offload(
            exclude_modules=whole,
            onload_device=device,
            offload_device=torch.device("cpu"),
            offload_type="leaf_level",  # hooks are on layers: parts whose `forward` is not what is called work too
            use_stream=device.type == "cuda",
            low_cpu_mem_usage=True,  # pinned as it is needed: pinning all beforehand would copy it for every call
        )


def _end(pipe: Any) -> None:
    pipe.remove_all_hooks()
    for part in pipe.components.values():
        for model in part if isinstance(part, list | tuple) else (part,):
            if isinstance(model, torch.nn.Module):
                for module in model.modules():
                    if hasattr(module, "_diffusers_hook"):
                        _take_off(module._diffusers_hook)
                if not getattr(model, "is_loaded_in_8bit", False):  # those stay where they were loaded
                    model.to("cpu")


def _take_off(hooks: HookRegistry) -> None:
    for name in GROUPS:
        if hooks.get_hook(name) is not None:
            hooks.remove_hook(name, recurse=False)
