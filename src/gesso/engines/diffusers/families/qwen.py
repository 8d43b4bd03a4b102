"""Qwen-Image: paints from words, from a picture, or a part of a picture anew."""

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
    "generate": "QwenImagePipeline",
    "image_to_image": "QwenImageImg2ImgPipeline",
    "inpaint": "QwenImageInpaintPipeline",
}
STEPS: Final = 50
FEWEST: Final = 2  # the scheduler stretches its steps over what one step has nothing of
GUIDANCE: Final = 4.0
STRENGTH: Final = 0.6
MOST: Final = 1328 * 1328  # pixels: the largest it was trained with
ENCODING: Final = Encoding(takes=("prompt", "max_sequence_length"), gives=("prompt_embeds", "prompt_embeds_mask"))


class QwenImage:
    """Qwen-Image, guided by a negative prompt: above 1 every step computes twice."""

    name = "qwen"
    pipelines = frozenset({"QwenImagePipeline"})
    denoiser: Literal["transformer", "unet"] = "transformer"
    step = 16
    takes_loras = True
    words = USUAL | LORAS | {"negative_prompt", "true_cfg_scale", "strength", "image", "mask_image"}
    latents = LatentLayout(packed=True)

    def way(self, order: Order) -> Way:
        """Return what an order asks for: its pictures say it."""
        return way_of(order)

    def call(self, order: Order, about: About) -> Call:
        """Return the call. Not asked for: 50 steps, guidance 4, and of a picture .6 is painted anew.

        Of larger pictures than it was trained with a smaller one is painted; from words alone, the size asked for.
        """
        way = self.way(order)
        size = painted_size((order.width, order.height), self.step, None if way == "generate" else MOST)
        steps = max(FEWEST, steps_of(order, STEPS))
        guidance = number(order, "true_cfg_scale", GUIDANCE)
        against = against_of(order) if guidance > 1 else None
        arguments = {
            "prompt": prompt_of(order),
            "width": size[0],
            "height": size[1],
            "num_inference_steps": steps,
            "true_cfg_scale": guidance,
        }
        pictures = {}
        if way != "generate":
            arguments["strength"] = strength_of(order, STRENGTH, steps)
            pictures = image_and_mask(order, size)
        return Call(CLASSES[way], arguments, (order.width, order.height), pictures, negative_words=against)

    def encoding(self, call: Call) -> Encoding | None:
        """Return how the prompt is encoded, and the negative one likewise."""
        return ENCODING


def against_of(order: Order) -> str:
    """Return the negative prompt: without one the pipeline takes no notice of the guidance."""
    return str(order.arguments.get("negative_prompt") or " ")
