"""Stable Diffusion 1.5 and what was trained from it: paints from words, from a picture, or a part of a picture anew."""

from __future__ import annotations

from typing import Final, Literal

from gesso.engines.diffusers.checkpoint import About
from gesso.engines.diffusers.families import schedulers
from gesso.engines.diffusers.families.common import (
    LORAS,
    USUAL,
    image_and_mask,
    number,
    painted_size,
    prompt_of,
    steps_of,
    way_of,
)
from gesso.engines.diffusers.families.unet_steps import strength_in
from gesso.engines.diffusers.order import Call, Encoding, LatentLayout, Order, Way

PIPELINES: Final[dict[Way, str]] = {
    "generate": "StableDiffusionPipeline",
    "image_to_image": "StableDiffusionImg2ImgPipeline",
    "inpaint": "StableDiffusionInpaintPipeline",
}
STEPS: Final = 25  # and 5 of guidance: the card of Realistic Vision
GUIDANCE: Final = 5.0
STRENGTH: Final = 0.8
ENCODING: Final = Encoding(
    takes=("prompt", "negative_prompt"), gives=("prompt_embeds", "negative_prompt_embeds"), guided=True
)


class StableDiffusion15:
    """Reads the first 77 pieces of the words. Guidance of at most 1 is none, and the negative prompt then counts for
    nothing. White of a mask is painted anew."""

    name = "sd15"
    pipelines = frozenset({"StableDiffusionPipeline"})
    denoiser: Literal["transformer", "unet"] = "unet"
    step = 8  # other sides are refused
    takes_loras = True
    words = USUAL | LORAS | schedulers.WORDS | {"negative_prompt", "guidance_scale", "strength", "image", "mask_image"}
    latents = LatentLayout(packed=False)

    def way(self, order: Order) -> Way:
        """Return what an order asks for: its pictures say it. Raises `EngineFailed` for a mask alone."""
        return way_of(order)

    def call(self, order: Order, about: About) -> Call:
        """Return the call. A picture to start from says how large is painted: that class takes no sides."""
        way = self.way(order)
        size = painted_size((order.width, order.height), self.step)
        steps = steps_of(order, STEPS)
        arguments = {
            "prompt": prompt_of(order),
            "negative_prompt": order.arguments.get("negative_prompt"),
            "num_inference_steps": steps,
            "guidance_scale": number(order, "guidance_scale", GUIDANCE),
        }
        if way != "image_to_image":
            arguments |= {"width": size[0], "height": size[1]}
        pictures = {}
        if way != "generate":
            arguments["strength"] = strength_in(order, 1.0 if way == "inpaint" else STRENGTH, steps)
            pictures = image_and_mask(order, size)
        scheduling = schedulers.scheduling_of(order.arguments, about)
        return Call(PIPELINES[way], arguments, (order.width, order.height), pictures, scheduling=scheduling)

    def encoding(self, call: Call) -> Encoding | None:
        """Return how the words are encoded: the same for every way."""
        return ENCODING
