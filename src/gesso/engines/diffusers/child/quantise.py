"""Weights made small as they are loaded: 8-bit floats by diffusers itself, 8- and 4-bit integers by bitsandbytes or torchao.

Pictures differ from those of whole weights; the documentation says so.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import diffusers
import torch
import transformers

from gesso.engines.diffusers.checkpoint import Checkpoint, Offload, Quantisation
from gesso.engines.diffusers.child.loaded import CannotLoad

WHOLE_PARTS: tuple[Offload, ...] = ("none", "model")  # integers come and go only with their whole part


def check_quantisation(checkpoint: Checkpoint, device: str) -> None:
    """Raise `CannotLoad` where weights cannot be made so small here."""
    wanted = checkpoint.quantisation
    if wanted in ("none", "fp8"):
        return
    if library_for(wanted) is None:
        other = " or torchao" if wanted == "int8" else ""
        raise CannotLoad(f"{checkpoint.target} is to be loaded as {wanted}: install bitsandbytes{other} for that.")
    if library_for(wanted) == "bitsandbytes" and not device.startswith("cuda"):
        raise CannotLoad(f"{checkpoint.target} is to be loaded as {wanted}, which needs a CUDA device.")
    if checkpoint.offload not in WHOLE_PARTS:
        raise CannotLoad(
            f"{checkpoint.target} is to be loaded as {wanted}, which cannot be offloaded by {checkpoint.offload}."
        )


def library_for(wanted: Quantisation) -> str | None:
    """Return the installed library that makes weights so small, or None."""
    libraries = ("bitsandbytes", "torchao") if wanted == "int8" else ("bitsandbytes",)
    return next((name for name in libraries if find_spec(name) is not None), None)


def quantising(checkpoint: Checkpoint, library: str) -> dict[str, Any]:
    """Return what `from_pretrained` of a part is told; `library` is the part's, "diffusers" or "transformers"."""
    wanted = checkpoint.quantisation
    if wanted in ("none", "fp8"):
        return {}
    room: Any = diffusers if library == "diffusers" else transformers
    if library_for(wanted) == "torchao":
        from torchao.quantization import Int8WeightOnlyConfig

        return {"quantization_config": room.TorchAoConfig(Int8WeightOnlyConfig())}
    if wanted == "int8":
        return {"quantization_config": room.BitsAndBytesConfig(load_in_8bit=True)}
    number = getattr(torch, checkpoint.precision)
    four = {"bnb_4bit_quant_type": "nf4", "bnb_4bit_compute_dtype": number}
    return {"quantization_config": room.BitsAndBytesConfig(load_in_4bit=True, **four)}


def to_fp8(checkpoint: Checkpoint, denoiser: Any) -> None:
    """Have what paints keep its weights as 8-bit floats; they become what is computed with layer by layer."""
    if checkpoint.quantisation == "fp8":
        compute = getattr(torch, checkpoint.precision)
        denoiser.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=compute)
        for layer in denoiser.modules():
            layer.compute_dtype = compute  # what peft gives the layers of a LoRA beside this one
