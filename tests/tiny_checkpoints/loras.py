"""LoRA files for the tiny checkpoints, written by the pipelines' own saving, with weights that change pictures."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import DiffusionPipeline
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict

ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")


def save_lora(pipe: DiffusionPipeline, file: Path, *, seed: int = 0, rank: int = 4, size: float = 0.3) -> Path:
    """Write a LoRA for what denoises in the pipeline, which is left as it was. `size` says how much it changes.

    Pipelines that cannot load one cannot write one: `AttributeError`.
    """
    part = "transformer" if hasattr(pipe, "transformer") else "unet"
    model = getattr(pipe, part)
    model.add_adapter(LoraConfig(r=rank, lora_alpha=rank, target_modules=list(ATTENTION)), adapter_name="made")
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters()):
            if "lora_" in name:
                weight.copy_(torch.randn(weight.shape, generator=generator) * size)
    layers = get_peft_model_state_dict(model, adapter_name="made")
    layers = {name: weight.detach().clone() for name, weight in layers.items()}
    pipe.unload_lora_weights()  # deleting the adapter would leave its empty layers
    pipe.save_lora_weights(file.parent, weight_name=file.name, **{f"{part}_lora_layers": layers})
    return file
