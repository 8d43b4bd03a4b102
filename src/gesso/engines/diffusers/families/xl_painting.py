"""What a picture is painted with on an SDXL: the common form of plain orders, Fooocus' and Omni-Zero's, and its call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from gesso.domain.picture import DecodedPicture
from gesso.engines.diffusers.families.common import Size, painted_size, scaled
from gesso.engines.diffusers.families.unet_steps import at_least_a_step
from gesso.engines.diffusers.order import Attachment, Call, Scheduling, Way
from gesso.imaging.fit import fit

STEP: Final = 8
LARGEST: Final = 2048 * 2048  # pixels that are painted; what is to be larger is scaled
STEPS: Final = 30
GUIDANCE: Final = 5.0
PIPELINES: Final[dict[Way, str]] = {
    "generate": "StableDiffusionXLPipeline",
    "image_to_image": "StableDiffusionXLImg2ImgPipeline",
    "inpaint": "StableDiffusionXLInpaintPipeline",
}
CONTROLLED: Final[dict[Way, str]] = {
    "generate": "StableDiffusionXLControlNetPipeline",
    "image_to_image": "StableDiffusionXLControlNetImg2ImgPipeline",
    "inpaint": "StableDiffusionXLControlNetInpaintPipeline",
}


@dataclass(frozen=True, eq=False)
class Control:
    """A picture whose forms are followed, by the ControlNet `part`, until a share of the steps.

    `mapped` makes of it the map that the ControlNet reads, in the size that is painted; None: it is one.
    """

    part: str
    picture: np.ndarray
    weight: float = 1.0
    until: float = 1.0
    mapped: Callable[[np.ndarray], np.ndarray] | None = None

    def map(self, size: Size) -> np.ndarray:
        """Return the map in a size: what of the picture has that shape, not stretched."""
        seen = fit(DecodedPicture(self.picture, None, "png"), *size).rgb
        return seen if self.mapped is None else self.mapped(seen)


@dataclass(frozen=True, eq=False)
class Guide:
    """Pictures whose content, style or faces are taken: for the IP-Adapter `part`; `scale` is a number or by blocks."""

    part: str
    pictures: tuple[np.ndarray, ...]
    scale: Any = 1.0
    until: float = 1.0
    mask: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Painting:
    """A picture to paint: `size` is that of the finished one. `image` and `mask` are of any size with its shape."""

    prompt: str
    negative_prompt: str | None
    size: Size
    steps: int = STEPS
    guidance: float = GUIDANCE
    image: np.ndarray | None = None
    mask: np.ndarray | None = None
    strength: float = 1.0
    scheduling: Scheduling | None = None
    controls: tuple[Control, ...] = ()
    guides: tuple[Guide, ...] = ()
    masked: tuple[float, float] = (0.0, 1.0)
    settings: tuple[tuple[str, object], ...] = ()

    @property
    def way(self) -> Way:
        """What is done."""
        if self.image is None:
            return "generate"
        return "image_to_image" if self.mask is None else "inpaint"


def call_of(painting: Painting) -> Call:
    """Return the call that paints it."""
    size = painted_size(painting.size, STEP, LARGEST)
    arguments: dict[str, Any] = {
        "prompt": painting.prompt,
        "negative_prompt": painting.negative_prompt,
        "num_inference_steps": painting.steps,
        "guidance_scale": painting.guidance,
    }
    pictures: dict[str, Any] = {}
    if painting.way != "image_to_image" or painting.controls:  # that class alone takes the picture's own sides
        arguments |= {"width": size[0], "height": size[1]}
    if painting.image is not None:
        arguments["strength"] = at_least_a_step(painting.strength, painting.steps)
        pictures["image"] = scaled(painting.image, size)
    if painting.mask is not None:
        pictures["mask_image"] = scaled(painting.mask, size)
    attachments = []
    if painting.controls:
        arguments |= _controls(painting.controls)
        maps = [one.map(size) for one in painting.controls]
        pictures["image" if painting.way == "generate" else "control_image"] = maps[0] if len(maps) == 1 else maps
        attachments.append(Attachment("control", tuple(one.part for one in painting.controls)))
    if painting.guides:
        pictures["ip_adapter_image"] = [list(one.pictures) for one in painting.guides]
        attachments.append(_guides(painting, size))
    return Call(
        (CONTROLLED if painting.controls else PIPELINES)[painting.way],
        arguments,
        painting.size,
        pictures,
        settings=painting.settings,
        scheduling=painting.scheduling,
        attachments=tuple(attachments),
    )


def _controls(controls: tuple[Control, ...]) -> dict[str, Any]:
    """Return how much and how long each counts: a number for one, a list for several."""
    weights, ends = [one.weight for one in controls], [one.until for one in controls]
    alone = len(controls) == 1
    return {
        "controlnet_conditioning_scale": weights[0] if alone else weights,
        "control_guidance_end": ends[0] if alone else ends,
    }


def _guides(painting: Painting, size: Size) -> Attachment:
    guides = painting.guides
    until = tuple(one.until for one in guides)
    masks = tuple(None if one.mask is None else scaled(one.mask, size) for one in guides)
    return Attachment(
        "ip_adapter",
        tuple(one.part for one in guides),
        [one.scale for one in guides],
        until=until if min(until) < 1 else (),
        masks=masks if any(mask is not None for mask in masks) else (),
        masked=painting.masked,
    )
