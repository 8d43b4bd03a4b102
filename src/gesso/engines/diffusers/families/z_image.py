"""Z-Image and its Turbo: pictures from words, from a picture, and inside a mask."""

from __future__ import annotations

from typing import Any, Final, Literal

from gesso.engines.diffusers.checkpoint import About
from gesso.engines.diffusers.families.common import (
    LORAS,
    USUAL,
    image_and_mask,
    is_called,
    number,
    painted_size,
    prompt_of,
    steps_of,
    strength_of,
    way_of,
)
from gesso.engines.diffusers.order import Call, Encoding, LatentLayout, Order, Way

CLASSES: Final[dict[Way, str]] = {
    "generate": "ZImagePipeline",
    "image_to_image": "ZImageImg2ImgPipeline",
    "inpaint": "ZImageInpaintPipeline",
}


class ZImage:
    """Guided by a second pass. Everywhere else a guidance of 1 is none, here 0 is: one is taken off what is asked."""

    name = "z_image"
    pipelines = frozenset({"ZImagePipeline"})
    denoiser: Literal["transformer", "unet"] = "transformer"
    step = 16
    takes_loras = True
    words = USUAL | LORAS | {"guidance_scale", "negative_prompt", "strength", "image", "mask_image"}
    latents = LatentLayout(packed=False)

    def way(self, order: Order) -> Way:
        """Return inpaint for a mask, image_to_image for a picture. Raises `EngineFailed` for a mask alone."""
        return way_of(order)

    def call(self, order: Order, about: About) -> Call:
        """Return the call. Steps and guidance that are not asked for: 50 and 5, of Turbo 8 and none."""
        quick = is_called(order.checkpoint, "turbo")
        way = self.way(order)
        width, height = painted_size((order.width, order.height), self.step)
        steps = steps_of(order, 8 if quick else 50)
        guidance = max(0.0, number(order, "guidance_scale", 1.0 if quick else 5.0) - 1.0)
        arguments: dict[str, Any] = {
            "prompt": prompt_of(order),
            "width": width,
            "height": height,
            "num_inference_steps": steps,
            "guidance_scale": guidance,
        }
        if guidance > 0:
            arguments["negative_prompt"] = str(order.arguments.get("negative_prompt") or "")
        if way == "generate":
            return Call(CLASSES[way], arguments, (order.width, order.height))
        # What lies in a mask is painted anew, unless somebody says how much of it to keep.
        arguments["strength"] = strength_of(order, 1.0 if way == "inpaint" else 0.6, steps)
        pictures = image_and_mask(order, (width, height))
        return Call(CLASSES[way], arguments, (order.width, order.height), pictures)

    def encoding(self, call: Call) -> Encoding | None:
        """Return how the words are encoded, the negative ones only where there is guidance."""
        if call.arguments["guidance_scale"] > 0:
            return Encoding(("prompt", "negative_prompt"), ("prompt_embeds", "negative_prompt_embeds"), guided=True)
        return Encoding(("prompt",), ("prompt_embeds", None))
