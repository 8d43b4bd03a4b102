"""Which family runs a pipeline: names, imported on first use. Adding a family is a file and its lines here."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from gesso.engines.diffusers.family import Family

_FLUX1 = "flux1:Flux1"
_SDXL = "sdxl:StableDiffusionXL"
FAMILIES: Final[dict[str, str]] = {
    "FluxPipeline": _FLUX1,
    "FluxKontextPipeline": "kontext:Kontext",
    "Flux2Pipeline": "flux2:Flux2Dev",
    "Flux2KleinPipeline": "klein:Klein",
    "ZImagePipeline": "z_image:ZImage",
    "StableDiffusion3Pipeline": "sd3:StableDiffusion3",
    "QwenImagePipeline": "qwen:QwenImage",
    "QwenImageEditPlusPipeline": "qwen_edit:QwenImageEdit",
    "OvisImagePipeline": "ovis:Ovis",
    "SanaPAGPipeline": "sana:Sana",
    "StableDiffusionPipeline": "sd15:StableDiffusion15",
    "StableDiffusionXLPipeline": _SDXL,
    "StableDiffusionXLControlNetImg2ImgPipeline": _SDXL,
    "PhotoMakerStableDiffusionXLPipeline": "photomaker:PhotoMaker",
    "KandinskyV22CombinedPipeline": "kandinsky:Kandinsky",
    "BriaPipeline": "bria:Bria",
    "HunyuanImagePipeline": "hunyuan:HunyuanImage",
}


def family_of(pipeline: str) -> Family:
    """Return the family of a route's pipeline. Raises `KeyError` for one that the engine does not know."""
    module, _, name = FAMILIES[pipeline].partition(":")
    found: type[Family] = getattr(import_module(f"gesso.engines.diffusers.families.{module}"), name)
    return found()
