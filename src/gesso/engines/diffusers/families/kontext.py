"""FLUX.1 Kontext: pictures from words, and changed as words say, all of them or inside a mask."""

from __future__ import annotations

from typing import Any, Final, Literal

import numpy as np

from gesso.engines.diffusers.checkpoint import About
from gesso.engines.diffusers.families.common import (
    LORAS,
    USUAL,
    flat,
    image_and_mask,
    number,
    one_view,
    painted_size,
    prompt_of,
    shown,
    steps_of,
    strength_of,
    way_of,
)
from gesso.engines.diffusers.order import Call, Encoding, LatentLayout, Order, Way

CLASSES: Final[dict[Way, str]] = {
    "generate": "FluxKontextPipeline",
    "instruct": "FluxKontextPipeline",
    "instruct_inside": "FluxKontextInpaintPipeline",
}
# The third that comes of the words, where each of them stands, is always made anew.
ENCODING: Final = Encoding(("prompt", "max_sequence_length"), ("prompt_embeds", "pooled_prompt_embeds", None))


class Kontext:
    """Looks at one picture: several are put side by side. Left alone it would paint every picture in a megapixel and
    look at every one in one of seventeen shapes; here sides are what is asked for."""

    name = "kontext"
    pipelines = frozenset({"FluxKontextPipeline"})
    denoiser: Literal["transformer", "unet"] = "transformer"
    step = 16
    takes_loras = True
    words = USUAL | LORAS | {"guidance_scale", "strength", "image", "mask_image", "references"}
    latents = LatentLayout(packed=True)

    def way(self, order: Order) -> Way:
        """Return instruct for any picture, instruct_inside for one with a mask. Raises `EngineFailed` for a mask alone."""
        return way_of(order, instructed=True)

    def call(self, order: Order, about: About) -> Call:
        """Return the call. Not asked for: 28 steps, guidance 2.5, inside a mask all is painted anew."""
        way = self.way(order)
        width, height = painted_size((order.width, order.height), self.step)
        steps = steps_of(order, 28)
        arguments: dict[str, Any] = {
            "prompt": prompt_of(order),
            "width": width,
            "height": height,
            "num_inference_steps": steps,
            "guidance_scale": number(order, "guidance_scale", 2.5),
            "max_sequence_length": 512,
            "max_area": width * height,
            "_auto_resize": False,
        }
        pictures: dict[str, np.ndarray] = {}
        if way == "instruct_inside":
            arguments["strength"] = strength_of(order, 1.0, steps)
            pictures = image_and_mask(order, (width, height))
            references = [flat(one) for one in order.pictures("references")]
            if references:
                pictures["image_reference"] = one_view(references, self.step)
        elif way == "instruct":
            pictures["image"] = one_view(shown(order), self.step)
        return Call(CLASSES[way], arguments, (order.width, order.height), pictures)

    def encoding(self, call: Call) -> Encoding | None:
        """Return how the words are encoded: the same for every way, as the pictures are not read with them."""
        return ENCODING
