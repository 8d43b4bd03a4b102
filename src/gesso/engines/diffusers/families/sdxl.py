"""Stable Diffusion XL and what was trained from it: plain, as Fooocus, as Omni-Zero, and Bria's with guiding pictures."""

from __future__ import annotations

from typing import Final, Literal

from gesso.engines.diffusers.checkpoint import About
from gesso.engines.diffusers.families import fooocus, omni_zero, schedulers, styles
from gesso.engines.diffusers.families.common import LORAS, USUAL, flat, number, prompt_of, steps_of, way_of
from gesso.engines.diffusers.families.xl_painting import GUIDANCE, STEPS, Guide, Painting, call_of
from gesso.engines.diffusers.order import Call, Encoding, LatentLayout, Order, Way

STRENGTH: Final = 0.8
BRIA: Final = "briaai/"  # its words are trained to be encoded also where there are none: the cards say so
ENCODING: Final = Encoding(
    takes=("prompt", "negative_prompt"),
    gives=("prompt_embeds", "negative_prompt_embeds", "pooled_prompt_embeds", "negative_pooled_prompt_embeds"),
    guided=True,
)
IMAGE_PROMPTS: Final = frozenset({"image_prompts", "image_prompt_mode", "image_prompt_scale"})


class StableDiffusionXL:
    """Reads the first 77 pieces of the words. Guidance of at most 1 is none. White of a mask is painted anew.

    Guiding pictures go through what lies beside the checkpoint: `control_edges`, `control_depth`, `ip_adapter`,
    `ip_adapter_face`.
    """

    name = "sdxl"
    pipelines = frozenset({"StableDiffusionXLPipeline", "StableDiffusionXLControlNetImg2ImgPipeline"})
    denoiser: Literal["transformer", "unet"] = "unet"
    step = 8
    takes_loras = True
    words = (
        USUAL
        | LORAS
        | schedulers.WORDS
        | {"negative_prompt", "guidance_scale", "strength", "image", "mask_image", "styles", "model_version"}
        | IMAGE_PROMPTS
        | fooocus.WORDS
        | omni_zero.WORDS
    )
    latents = LatentLayout(packed=False)

    def way(self, order: Order) -> Way:
        """Return what an order asks for: its pictures say it. Raises `EngineFailed` for a mask alone."""
        usual = way_of(order)
        return fooocus.way(order, usual) if fooocus.is_meant(order) else usual

    def call(self, order: Order, about: About) -> Call:
        """Return the call. Raises `EngineFailed` for words that a parameter of the order has not."""
        self.way(order)
        if omni_zero.is_meant(order):
            return call_of(omni_zero.painting_of(order))
        if fooocus.is_meant(order):
            return call_of(fooocus.painting_of(order))
        return call_of(_painting_of(order, about))

    def encoding(self, call: Call) -> Encoding | None:
        """Return how the words are encoded: the same for every way."""
        return ENCODING


def _painting_of(order: Order, about: About) -> Painting:
    arguments = order.arguments
    prompt, negative = styles.styled(
        prompt_of(order), arguments.get("negative_prompt"), arguments.get("styles"), order.seed
    )
    scale = number(order, "image_prompt_scale", 1.0)
    style = arguments.get("image_prompt_mode") == "style_only"
    shown = tuple(flat(one) for one in order.pictures("image_prompts"))
    return Painting(
        prompt,
        negative,
        (order.width, order.height),
        steps=steps_of(order, STEPS),
        guidance=number(order, "guidance_scale", GUIDANCE),
        image=None if order.image is None else flat(order.image),
        mask=order.mask,
        strength=number(order, "strength", 1.0 if order.mask is not None else STRENGTH, least=0.0, most=1.0),
        scheduling=schedulers.scheduling_of(arguments, about),
        guides=(Guide("ip_adapter", shown, omni_zero.style_only(scale) if style else scale),) if shown else (),
        settings=(("force_zeros_for_empty_prompt", False),) if order.checkpoint.target.startswith(BRIA) else (),
    )
