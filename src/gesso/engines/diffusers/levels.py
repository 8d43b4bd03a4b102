"""What the levels of acceleration mean, and for which families: facts of the installed library, without loading it.

"none" is exact. "regular" and "high" compile the denoiser's repeated blocks, and compute fewer steps: between those a
Taylor series of first order says what the blocks would give (TaylorSeer, arXiv 2503.06923).
"""

from __future__ import annotations

from typing import Final

from gesso.engines.diffusers.order import Level

INTERVALS: Final[dict[Level, int]] = {"regular": 2, "high": 3}  # of so many steps one is computed
FULL_STEPS: Final = 3  # at the beginning, which settle the picture: all computed
# Whose transformers let their steps be guessed; in others the library's switch fails, or is missing.
CACHED: Final = frozenset({"flux1", "kontext", "flux2", "klein", "qwen", "qwen_edit", "ovis", "hunyuan"})
# Pipelines that do not tell the transformer which of the passes of a step it is in: right where there is but one.
ONE_PASS: Final = frozenset(
    {
        "FluxImg2ImgPipeline",
        "FluxInpaintPipeline",
        "FluxKontextPipeline",
        "FluxKontextInpaintPipeline",
        "Flux2Pipeline",
    }
)
COMPILED: Final = frozenset({"flux1", "kontext", "flux2", "klein", "z_image", "qwen", "qwen_edit", "ovis", "hunyuan"})
COMPILED_ON: Final = frozenset({"cuda"})  # on a CPU compiling takes longer than it saves


def can_be_faster(family: str, device: str) -> bool:
    """Tell whether a family has anything to gain from a level on a device ("cuda:0", "cpu")."""
    return family in CACHED or (family in COMPILED and device.split(":", maxsplit=1)[0] in COMPILED_ON)
