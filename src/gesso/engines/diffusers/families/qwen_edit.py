"""Qwen-Image-Edit: changes pictures as words say, several at once, or one inside a mask."""

from __future__ import annotations

import re
from typing import Any, Final, Literal

from gesso.domain.errors import EngineFailed
from gesso.engines.diffusers.checkpoint import About
from gesso.engines.diffusers.families.common import (
    LORAS,
    USUAL,
    image_and_mask,
    number,
    painted_size,
    prompt_of,
    shown,
    steps_of,
    strength_of,
    way_of,
)
from gesso.engines.diffusers.families.qwen import ENCODING, FEWEST, GUIDANCE, MOST, against_of
from gesso.engines.diffusers.order import Call, Encoding, LatentLayout, Order, Way

CLASSES: Final[dict[Way, str]] = {
    "generate": "QwenImagePipeline",
    "instruct": "QwenImageEditPlusPipeline",
    "instruct_inside": "QwenImageEditInpaintPipeline",
}
STEPS: Final = 40
# How the text encoder is told where a picture is. In a prompt they would be places of pictures that nobody gave.
_PLACES: Final = re.compile(r"<\|(image|video)_pad\|>")


class QwenImageEdit:
    """Qwen-Image-Edit (2509, 2511). Its text encoder looks at the pictures with the words, in few pixels; its transformer
    sees each in a megapixel. Without a picture it paints as Qwen-Image does.

    Inside a mask it looks at one picture, and paints a megapixel of that shape, which is scaled to the size asked for.
    diffusers 0.42.1 does not tell the text encoder which of its input are pictures, as transformers 5 would have it
    (huggingface/diffusers#14194): it counts their places like those of words, here as in plain diffusers.
    """

    name = "qwen_edit"
    pipelines = frozenset({"QwenImageEditPlusPipeline"})
    denoiser: Literal["transformer", "unet"] = "transformer"
    step = 16
    takes_loras = True
    words = USUAL | LORAS | {"negative_prompt", "true_cfg_scale", "strength", "image", "mask_image", "references"}
    latents = LatentLayout(packed=True)

    def way(self, order: Order) -> Way:
        """Return instruct for any picture, instruct_inside for one with a mask.

        Raises `EngineFailed` for a mask alone, and for one with several pictures.
        """
        way = way_of(order, instructed=True)
        if way == "instruct_inside" and order.pictures("references"):
            raise EngineFailed("Inside a mask, Qwen-Image-Edit looks at one picture: leave out the mask or the others.")
        return way

    def call(self, order: Order, about: About) -> Call:
        """Return the call. Not asked for: 40 steps, guidance 4, inside a mask all is painted anew.

        Of larger pictures than it was trained with a smaller one is painted; from words alone, the size asked for.
        """
        way = self.way(order)
        size = painted_size((order.width, order.height), self.step, None if way == "generate" else MOST)
        steps = max(FEWEST, steps_of(order, STEPS))
        guidance = number(order, "true_cfg_scale", GUIDANCE)
        against = against_of(order) if guidance > 1 else None
        arguments: dict[str, Any] = {
            "prompt": prompt_of(order),
            "width": size[0],
            "height": size[1],
            "num_inference_steps": steps,
            "true_cfg_scale": guidance,
        }
        if way == "generate":
            return Call(CLASSES[way], arguments, (order.width, order.height), negative_words=against)
        arguments["prompt"] = _PLACES.sub(" ", prompt_of(order))
        arguments["negative_prompt"] = None if against is None else _PLACES.sub(" ", against)
        pictures: dict[str, Any] = {}
        if way == "instruct_inside":
            arguments["strength"] = strength_of(order, 1.0, steps)
            pictures = image_and_mask(order, size)
        else:
            pictures = {"image": list(shown(order))}
        return Call(CLASSES[way], arguments, (order.width, order.height), pictures)

    def encoding(self, call: Call) -> Encoding | None:
        """Return how the prompts are encoded; None where the pictures are read with them."""
        return None if call.pictures else ENCODING
