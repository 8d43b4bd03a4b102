"""Ovis-Image: paints from words, and letters well."""

from __future__ import annotations

from typing import Final, Literal

from gesso.engines.diffusers.checkpoint import About
from gesso.engines.diffusers.families.common import USUAL, number, only_generates, painted_size, prompt_of, steps_of
from gesso.engines.diffusers.order import Call, Encoding, LatentLayout, Order, Way

STEPS: Final = 50
GUIDANCE: Final = 5.0
ENCODING: Final = Encoding(
    takes=("prompt", "negative_prompt"), gives=("prompt_embeds", "negative_prompt_embeds", None, None), guided=True
)


class Ovis:
    """Ovis-Image 7B."""

    name = "ovis"
    pipelines = frozenset({"OvisImagePipeline"})
    denoiser: Literal["transformer", "unet"] = "transformer"
    step = 16
    takes_loras = False
    words = USUAL | {"negative_prompt", "guidance_scale"}
    latents = LatentLayout(packed=True)

    def way(self, order: Order) -> Way:
        """Return the one way there is. Raises `EngineFailed` for an order with a picture."""
        return only_generates(order, "Ovis-Image")

    def call(self, order: Order, about: About) -> Call:
        """Return the call."""
        self.way(order)
        width, height = painted_size((order.width, order.height), self.step)
        arguments = {
            "prompt": prompt_of(order),
            "negative_prompt": order.arguments.get("negative_prompt") or "",
            "width": width,
            "height": height,
            "num_inference_steps": steps_of(order, STEPS),
            "guidance_scale": number(order, "guidance_scale", GUIDANCE),
        }
        return Call("OvisImagePipeline", arguments, (order.width, order.height))

    def encoding(self, call: Call) -> Encoding | None:
        """Return how the words are encoded: both prompts at once."""
        return ENCODING
