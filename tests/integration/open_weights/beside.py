"""Tiny weights beside an SDXL: ControlNets for edges and for depth, an IP-Adapter, and one for faces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from tiny_checkpoints.unets import save_ip_adapter, xl_controlnet


def save_beside(folder: Path, unet: Any) -> dict[str, Path]:
    """Write them and return where they lie, by the names in `Checkpoint.beside`; they differ from one another."""
    for seed, name in enumerate(("control_edges", "control_depth")):
        net = xl_controlnet(seed)
        with torch.no_grad():
            net.controlnet_cond_embedding.conv_out.weight.mul_(100)  # what the picture shows is to count
        net.save_pretrained(folder / name)
    adapters = folder / "adapters"
    save_ip_adapter(adapters, unet)
    weights = load_file(adapters / "sdxl_models" / "ip-adapter.safetensors")
    other = {name: -one if name.startswith("ip_adapter") else one for name, one in weights.items()}
    save_file(other, adapters / "sdxl_models" / "ip-adapter-plus-face.safetensors")
    return {
        "control_edges": folder / "control_edges",
        "control_depth": folder / "control_depth",
        "ip_adapter": adapters,
        "ip_adapter_face": adapters,
    }
