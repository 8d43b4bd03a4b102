"""Weights for every route of the catalogue in one folder: tiny checkpoints, and what belongs beside them."""

from __future__ import annotations

import shutil
from pathlib import Path

import diffusers
import transformers
from diffusers import DiffusionPipeline

from tiny_checkpoints.loras import save_lora
from tiny_checkpoints.table import TINY
from tiny_checkpoints.unets import save_ip_adapter, sdxl, xl_controlnet

OPERATORS_OWN = {"friendli/edit": "qwen_image_edit", "friendli/generate": "flux1_dev"}
KANDINSKY = "kandinsky-community/kandinsky-2-2-decoder"
SRPO = "tencent/SRPO"


def save_every(folder: Path) -> dict[str, Path]:
    """Write them and return where each target lies: what stands in one folder is written once."""
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()
    checkpoints = {name: one.save(folder / name) for name, one in TINY.items()}
    places = {target: checkpoints[name] for name, one in TINY.items() for target in one.targets}
    places |= {target: checkpoints[name] for target, name in OPERATORS_OWN.items()}
    places[SRPO] = _transformer_alone(checkpoints["flux1_dev"], folder / "srpo")
    places["kandinsky-community/kandinsky-2-2-prior"] = folder / "kandinsky22-prior"
    places["stabilityai/sd-vae-ft-mse"] = checkpoints["sd15"] / "vae"
    for number, (target, name) in enumerate(ADAPTERS.items()):
        places[target] = _adapter(checkpoints[name], folder / f"adapter-{number}", seed=number)
    for number, target in enumerate(CONTROLNETS):
        places[target] = folder / f"controlnet-{number}"
        xl_controlnet(seed=42 + number).save_pretrained(places[target])
    guiding = _ip_adapters(folder / "ip-adapters")
    return places | dict.fromkeys(IP_ADAPTERS, guiding) | {"TencentARC/PhotoMaker": guiding}


def save_loras(folder: Path, places: dict[str, Path]) -> dict[str, Path]:
    """Write two LoRAs for each family that takes them, named family-1 and family-2."""
    found = {}
    for name, target in LORAS.items():
        for number in (1, 2):
            pipe = _read(places[target])
            place = folder / f"lora-{name}-{number}"
            place.mkdir()
            found[f"{name}-{number}"] = save_lora(pipe, place / "lora.safetensors", seed=number)
    return found


ADAPTERS = {
    "XLabs-AI/flux-RealismLora": "flux1_dev",
    "fal/FLUX.2-dev-Turbo": "flux2_dev",
    "briaai/BRIA-2.3-FAST-LORA": "sdxl",
    "latent-consistency/lcm-lora-sdxl": "sdxl",
}
CONTROLNETS = ("diffusers/controlnet-canny-sdxl-1.0", "diffusers/controlnet-depth-sdxl-1.0")
IP_ADAPTERS = ("h94/IP-Adapter", "briaai/Image-Prompt")
LORAS = {
    "flux1": "black-forest-labs/FLUX.1-dev",
    "kontext": "black-forest-labs/FLUX.1-Kontext-dev",
    "flux2": "black-forest-labs/FLUX.2-dev",
    "z-image": "Tongyi-MAI/Z-Image-Turbo",
    "sdxl": "stabilityai/stable-diffusion-xl-base-1.0",
}


def _transformer_alone(checkpoint: Path, folder: Path) -> Path:
    folder.mkdir()
    shutil.copy(checkpoint / "transformer" / "diffusion_pytorch_model.safetensors", folder / "srpo.safetensors")
    return folder


def _adapter(checkpoint: Path, folder: Path, seed: int) -> Path:
    folder.mkdir()
    save_lora(_read(checkpoint), folder / "adapter.safetensors", seed=seed)
    return folder


def _ip_adapters(folder: Path) -> Path:
    """Write an IP-Adapter, and another for faces, with one encoder."""
    save_ip_adapter(folder, sdxl().unet)
    weights = folder / "sdxl_models"
    shutil.copy(weights / "ip-adapter.safetensors", weights / "ip-adapter-face.safetensors")
    return folder


def _read(checkpoint: Path) -> DiffusionPipeline:
    """Read a checkpoint without what needs packages that are not here."""
    from gesso.engines.diffusers.child.processors import stand_ins

    others = stand_ins(checkpoint)
    pipe: DiffusionPipeline = diffusers.DiffusionPipeline.from_pretrained(checkpoint, **dict.fromkeys(others))
    pipe.register_modules(**others)
    return pipe
