"""SANA: paints from words, guided by what its attention would miss (PAG) beside what the words say."""

from __future__ import annotations

from typing import Final, Literal

from gesso.engines.diffusers.checkpoint import About
from gesso.engines.diffusers.families.common import USUAL, number, only_generates, painted_size, prompt_of, steps_of
from gesso.engines.diffusers.order import Call, Encoding, LatentLayout, Order, Way

STEPS: Final = 20
GUIDANCE: Final = 4.5
PERTURBED: Final = 3.0
# Whose attention is perturbed: the block that the documentation of the pipeline names for the 1.6B.
BLOCK: Final = "transformer_blocks.8"
# The pipeline has the text encoder read an instruction of its own before the prompt.
ENCODING: Final = Encoding(
    takes=("prompt", "negative_prompt", "clean_caption", "max_sequence_length", "complex_human_instruction"),
    gives=("prompt_embeds", "prompt_attention_mask", "negative_prompt_embeds", "negative_prompt_attention_mask"),
    guided=True,
)


class Sana:
    """SANA 1.6B. Left alone it would paint the nearest of forty shapes and scale that; here sides are what is asked for."""

    name = "sana"
    pipelines = frozenset({"SanaPAGPipeline"})
    denoiser: Literal["transformer", "unet"] = "transformer"
    step = 32  # other sides are refused
    takes_loras = False
    words = USUAL | {"negative_prompt", "guidance_scale", "pag_scale"}
    latents = LatentLayout(packed=False, pixels=32)

    def way(self, order: Order) -> Way:
        """Return the one way there is. Raises `EngineFailed` for an order with a picture."""
        return only_generates(order, "SANA")

    def call(self, order: Order, about: About) -> Call:
        """Return the call. What is not asked for is the pipeline's own: 20 steps, guidance 4.5 and 3 of the perturbed."""
        self.way(order)
        width, height = painted_size((order.width, order.height), self.step)
        arguments = {
            "prompt": prompt_of(order),
            "negative_prompt": order.arguments.get("negative_prompt") or "",
            "width": width,
            "height": height,
            "num_inference_steps": steps_of(order, STEPS),
            "guidance_scale": number(order, "guidance_scale", GUIDANCE),
            "pag_scale": number(order, "pag_scale", PERTURBED, least=0.0),
            "use_resolution_binning": False,
        }
        size = (order.width, order.height)
        return Call("SanaPAGPipeline", arguments, size, settings=(("pag_applied_layers", BLOCK),))

    def encoding(self, call: Call) -> Encoding | None:
        """Return how the words are encoded: both prompts at once."""
        return ENCODING
