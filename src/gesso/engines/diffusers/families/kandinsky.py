"""Kandinsky 2.2: a prior makes the vector of a picture from words, a decoder the picture."""

from __future__ import annotations

from typing import Final, Literal

from gesso.domain.errors import EngineFailed
from gesso.engines.diffusers.checkpoint import About
from gesso.engines.diffusers.families.common import (
    USUAL,
    image_and_mask,
    number,
    painted_size,
    prompt_of,
    steps_of,
    way_of,
)
from gesso.engines.diffusers.families.unet_steps import strength_in
from gesso.engines.diffusers.order import Call, Encoding, LatentLayout, Order, Stage, Way

PIPELINES: Final[dict[Way, str]] = {
    "generate": "KandinskyV22CombinedPipeline",
    "image_to_image": "KandinskyV22Img2ImgCombinedPipeline",
}
STEPS: Final = 50
PRIOR_STEPS: Final = 25
GUIDANCE: Final = 4.0  # of both parts
STRENGTH: Final = 0.3
STAGES: Final = (Stage("prior", "prior_callback_on_step_end"), Stage("denoise", "callback_on_step_end"))


class Kandinsky:
    """The negative prompt goes to the prior, so that it becomes part of the vector. Repainting under a mask needs a
    decoder of its own, which this is not."""

    name = "kandinsky"
    pipelines = frozenset({"KandinskyV22CombinedPipeline"})
    denoiser: Literal["transformer", "unet"] = "unet"
    step = 64  # other sides are painted at the next larger ones
    takes_loras = False
    words = USUAL | {"negative_prompt", "guidance_scale", "prior_num_inference_steps", "strength", "image"}
    latents = LatentLayout(packed=False)

    def way(self, order: Order) -> Way:
        """Return what an order asks for: its pictures say it. Raises `EngineFailed` for a mask."""
        way = way_of(order)
        if way == "inpaint":
            raise EngineFailed("These weights paint no part of a picture anew: leave the mask out.")
        return way

    def call(self, order: Order, about: About) -> Call:
        """Return the call."""
        way = self.way(order)
        size = painted_size((order.width, order.height), self.step)
        steps = steps_of(order, STEPS)
        arguments = {
            "prompt": prompt_of(order),
            "negative_prompt": order.arguments.get("negative_prompt"),
            "width": size[0],
            "height": size[1],
            "num_inference_steps": steps,
            "prior_num_inference_steps": steps_of(order, PRIOR_STEPS, "prior_num_inference_steps"),
            "guidance_scale": number(order, "guidance_scale", GUIDANCE),
            "prior_guidance_scale": GUIDANCE,
        }
        pictures = {}
        if way == "image_to_image":
            arguments["strength"] = strength_in(order, STRENGTH, steps)
            pictures = image_and_mask(order, size)
        return Call(PIPELINES[way], arguments, (order.width, order.height), pictures, stages=STAGES)

    def encoding(self, call: Call) -> Encoding | None:
        """Return None: the prior reads the words by itself."""
        return None
