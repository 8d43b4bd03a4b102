"""Bria 3.2: paints from words. (Bria 2.x are SDXL, and take pictures to be guided by.)"""

from __future__ import annotations

from typing import Final, Literal

from gesso.engines.diffusers.checkpoint import About
from gesso.engines.diffusers.families.common import USUAL, number, only_generates, painted_size, prompt_of, steps_of
from gesso.engines.diffusers.order import Call, Encoding, LatentLayout, Order, Way

STEPS: Final = 30
GUIDANCE: Final = 5.0
ENCODING: Final = Encoding(
    takes=("prompt", "negative_prompt"), gives=("prompt_embeds", "negative_prompt_embeds", None), guided=True
)


class Bria:
    """Bria 3.2. There is no adapter for guiding pictures: what a request says of them is not used."""

    name = "bria"
    pipelines = frozenset({"BriaPipeline"})
    denoiser: Literal["transformer", "unet"] = "transformer"
    step = 16
    takes_loras = False
    words = USUAL | {"negative_prompt", "guidance_scale", "model_version"}
    latents = LatentLayout(packed=True)

    def way(self, order: Order) -> Way:
        """Return the one way there is. Raises `EngineFailed` for an order with a picture to edit."""
        return only_generates(order, "Bria 3.2")

    def call(self, order: Order, about: About) -> Call:
        """Return the call."""
        self.way(order)
        width, height = painted_size((order.width, order.height), self.step)
        arguments = {
            "prompt": prompt_of(order),
            "negative_prompt": order.arguments.get("negative_prompt"),
            "width": width,
            "height": height,
            "num_inference_steps": steps_of(order, STEPS),
            "guidance_scale": number(order, "guidance_scale", GUIDANCE),
        }
        return Call("BriaPipeline", arguments, (order.width, order.height))

    def encoding(self, call: Call) -> Encoding | None:
        """Return how the words are encoded: both prompts at once."""
        return ENCODING
