"""Every tiny checkpoint by name: what writes it, and the repository it is a small likeness of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path


@dataclass(frozen=True)
class Tiny:
    """A tiny checkpoint: `build` is "module:function" of this package; `saves` tells that the function writes folders.

    `step` is what sides have to be multiples of; `least` the smallest side that works.
    """

    build: str
    targets: tuple[str, ...]
    step: int
    least: int
    saves: bool = False

    def save(self, folder: Path) -> Path:
        """Write it into `folder`, where it is read by `from_pretrained`."""
        module, _, name = self.build.partition(":")
        function: Callable[..., object] = getattr(import_module(f"tiny_checkpoints.{module}"), name)
        if self.saves:
            function(folder)
        else:
            function().save_pretrained(folder)  # type: ignore[attr-defined]
        return folder


TINY: dict[str, Tiny] = {
    "flux1_dev": Tiny("flux1:flux1_dev", ("black-forest-labs/FLUX.1-dev", "tencent/SRPO"), 16, 16),
    "flux1_schnell": Tiny("flux1:flux1_schnell", ("black-forest-labs/FLUX.1-schnell",), 16, 16),
    "flux1_kontext": Tiny("flux1:flux1_kontext", ("black-forest-labs/FLUX.1-Kontext-dev",), 16, 16),
    "flux2_dev": Tiny("flux2:save_flux2_dev", ("black-forest-labs/FLUX.2-dev",), 16, 16, saves=True),
    "flux2_klein_base": Tiny(
        "flux2:flux2_klein_base",
        ("black-forest-labs/FLUX.2-klein-base-4B", "black-forest-labs/FLUX.2-klein-base-9B"),
        16,
        16,
    ),
    "flux2_klein": Tiny("flux2:flux2_klein", ("black-forest-labs/FLUX.2-klein-4B",), 16, 16),
    "z_image_turbo": Tiny("z_image:z_image_turbo", ("Tongyi-MAI/Z-Image-Turbo",), 16, 16),
    "sd35": Tiny(
        "sd3:sd35", ("stabilityai/stable-diffusion-3.5-medium", "stabilityai/stable-diffusion-3.5-large"), 16, 16
    ),
    "qwen_image": Tiny("qwen:qwen_image", ("Qwen/Qwen-Image",), 16, 16),
    "qwen_image_edit": Tiny("qwen:save_qwen_image_edit", ("Qwen/Qwen-Image-Edit-2511",), 16, 32, saves=True),
    "ovis_image": Tiny("ovis:ovis_image", ("AIDC-AI/Ovis-Image-7B",), 16, 16),
    "sana": Tiny("sana:sana", ("Efficient-Large-Model/Sana_1600M_1024px_BF16_diffusers",), 32, 32),
    "sd15": Tiny("unets:sd15", ("SG161222/Realistic_Vision_V6.0_B1_noVAE",), 8, 16),
    "sdxl": Tiny(
        "unets:sdxl",
        (
            "briaai/BRIA-2.3",
            "briaai/BRIA-2.2-HD",
            "frankjoshua/albedobaseXL_v13",
            "stabilityai/stable-diffusion-xl-base-1.0",
            "SG161222/RealVisXL_V3.0",
        ),
        8,
        16,
    ),
    "kandinsky22": Tiny(
        "kandinsky:save_kandinsky22", ("kandinsky-community/kandinsky-2-2-decoder",), 64, 64, saves=True
    ),
    "bria32": Tiny("bria:bria32", ("briaai/BRIA-3.2",), 16, 16),
    "hunyuan_image21": Tiny("hunyuan:hunyuan_image21", ("hunyuanvideo-community/HunyuanImage-2.1-Diffusers",), 64, 64),
}
