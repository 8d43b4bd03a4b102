"""HunyuanImage 2.1: paints from words."""

from __future__ import annotations

from typing import Any, Final, Literal

from gesso.engines.diffusers.checkpoint import About
from gesso.engines.diffusers.families.common import USUAL, number, only_generates, painted_size, prompt_of, steps_of
from gesso.engines.diffusers.order import Call, Encoding, LatentLayout, Order, Way

STEPS: Final = 50
GUIDANCE: Final = 3.5
DISTILLED_STEPS: Final = 8
DISTILLED_GUIDANCE: Final = 3.25
ENCODING: Final = Encoding(
    takes=("prompt",), gives=("prompt_embeds", "prompt_embeds_mask", "prompt_embeds_2", "prompt_embeds_mask_2")
)


class HunyuanImage:
    """Guided by parts of the pipeline: one for pictures, one for prompts with words to be written in them. What was
    distilled has neither: its guidance is an input, and a negative prompt counts for nothing."""

    name = "hunyuan"
    pipelines = frozenset({"HunyuanImagePipeline"})
    denoiser: Literal["transformer", "unet"] = "transformer"
    step = 64
    takes_loras = False
    words = USUAL | {"negative_prompt", "guidance_scale"}
    latents = LatentLayout(packed=False, pixels=32)

    def way(self, order: Order) -> Way:
        """Return the one way there is. Raises `EngineFailed` for an order with a picture."""
        return only_generates(order, "HunyuanImage 2.1")

    def call(self, order: Order, about: About) -> Call:
        """Return the call. Not asked for: 50 steps and guidance 3.5, distilled 8 and 3.25."""
        self.way(order)
        distilled = not about.has("guider")
        width, height = painted_size((order.width, order.height), self.step)
        arguments: dict[str, Any] = {
            "prompt": prompt_of(order),
            "width": width,
            "height": height,
            "num_inference_steps": steps_of(order, DISTILLED_STEPS if distilled else STEPS),
        }
        size = (order.width, order.height)
        if distilled:
            arguments["distilled_guidance_scale"] = number(order, "guidance_scale", DISTILLED_GUIDANCE)
            return Call("HunyuanImagePipeline", arguments, size)
        guidance = number(order, "guidance_scale", GUIDANCE)
        against = str(order.arguments.get("negative_prompt") or "")
        return Call("HunyuanImagePipeline", arguments, size, negative_words=against, guider_scale=guidance)

    def encoding(self, call: Call) -> Encoding | None:
        """Return how the prompt is encoded, and the negative one likewise."""
        return ENCODING
