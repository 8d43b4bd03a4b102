"""FLUX.1 [dev], [schnell], and what was trained from them: pictures from words, from a picture, and inside a mask."""

from __future__ import annotations

from typing import Final, Literal

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
    "generate": "FluxPipeline",
    "image_to_image": "FluxImg2ImgPipeline",
    "inpaint": "FluxInpaintPipeline",
}
# The third that comes of the words, where each of them stands, is always made anew.
ENCODING: Final = Encoding(("prompt", "max_sequence_length"), ("prompt_embeds", "pooled_prompt_embeds", None))
STRENGTH: Final = 0.8  # how much of a picture is painted anew where nobody says


class Flux1:
    """Guidance is an input of [dev], learned; [schnell] has none, and reads at most 256 pieces of words."""

    name = "flux1"
    pipelines = frozenset({"FluxPipeline"})
    denoiser: Literal["transformer", "unet"] = "transformer"
    step = 16
    takes_loras = True
    words = USUAL | LORAS | {"guidance_scale", "strength", "image", "mask_image"}
    latents = LatentLayout(packed=True)

    def way(self, order: Order) -> Way:
        """Return inpaint for a mask, image_to_image for a picture. Raises `EngineFailed` for a mask alone."""
        return way_of(order)

    def call(self, order: Order, about: About) -> Call:
        """Return the call. Steps and guidance that are not asked for: 28 and 3.5, of [schnell] 4 and none."""
        hasty = is_called(order.checkpoint, "schnell")
        way = self.way(order)
        width, height = painted_size((order.width, order.height), self.step)
        steps = steps_of(order, 4 if hasty else 28)
        arguments = {
            "prompt": prompt_of(order),
            "width": width,
            "height": height,
            "num_inference_steps": steps,
            "guidance_scale": number(order, "guidance_scale", 0.0 if hasty else 3.5),
            "max_sequence_length": 256 if hasty else 512,
        }
        if way == "generate":
            return Call(CLASSES[way], arguments, (order.width, order.height))
        arguments["strength"] = strength_of(order, STRENGTH, steps)
        pictures = image_and_mask(order, (width, height))
        return Call(CLASSES[way], arguments, (order.width, order.height), pictures)

    def encoding(self, call: Call) -> Encoding | None:
        """Return how the words are encoded: the same for every way."""
        return ENCODING
