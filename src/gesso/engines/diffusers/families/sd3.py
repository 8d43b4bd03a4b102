"""Stable Diffusion 3.5: paints from words, from a picture, or a part of a picture anew."""

from __future__ import annotations

from typing import Final, Literal

from gesso.engines.diffusers.checkpoint import About
from gesso.engines.diffusers.families.common import (
    LORAS,
    USUAL,
    image_and_mask,
    number,
    painted_size,
    prompt_of,
    steps_of,
    strength_of,
    way_of,
)
from gesso.engines.diffusers.order import Call, Encoding, LatentLayout, Order, Way

CLASSES: Final[dict[Way, str]] = {
    "generate": "StableDiffusion3Pipeline",
    "image_to_image": "StableDiffusion3Img2ImgPipeline",
    "inpaint": "StableDiffusion3InpaintPipeline",
}
STEPS: Final = 40  # and 4.5 of guidance: the card of [medium]
GUIDANCE: Final = 4.5
STRENGTH: Final = 0.85
MOST: Final = 1440 * 1440  # pixels, and of a side 3072: what the weights were trained with, and have places for
LONGEST: Final = 3072
ENCODING: Final = Encoding(
    takes=("prompt", "prompt_2", "prompt_3", "negative_prompt"),
    gives=("prompt_embeds", "negative_prompt_embeds", "pooled_prompt_embeds", "negative_pooled_prompt_embeds"),
    guided=True,
)


class StableDiffusion3:
    """[medium] and [large]."""

    name = "sd3"
    pipelines = frozenset({"StableDiffusion3Pipeline"})
    denoiser: Literal["transformer", "unet"] = "transformer"
    step = 16  # other sides are refused
    takes_loras = True
    words = USUAL | LORAS | {"negative_prompt", "guidance_scale", "strength", "image", "mask_image"}
    latents = LatentLayout(packed=False)

    def way(self, order: Order) -> Way:
        """Return what an order asks for: its pictures say it."""
        return way_of(order)

    def call(self, order: Order, about: About) -> Call:
        """Return the call. The three encoders read the same words; one that the checkpoint lacks reads none.

        What is larger than the model can paint is painted smaller.
        """
        way = self.way(order)
        sides = order.width, order.height
        size = painted_size(sides, self.step, min(MOST, LONGEST**2 * min(sides) // max(sides)))
        steps = steps_of(order, STEPS)
        arguments = {
            "prompt": prompt_of(order),
            "prompt_2": None,
            "prompt_3": None,
            "negative_prompt": order.arguments.get("negative_prompt"),
            "width": size[0],
            "height": size[1],
            "num_inference_steps": steps,
            "guidance_scale": number(order, "guidance_scale", GUIDANCE),
        }
        if way == "generate":
            return Call(CLASSES[way], arguments, (order.width, order.height))
        arguments["strength"] = strength_of(order, STRENGTH, steps)
        return Call(CLASSES[way], arguments, (order.width, order.height), image_and_mask(order, size))

    def encoding(self, call: Call) -> Encoding | None:
        """Return how the words are encoded: all of them at once."""
        return ENCODING
