"""FLUX.2 [klein], base and distilled: pictures from words, changed as words say, all of them or inside a mask."""

from __future__ import annotations

from typing import Any, Final, Literal

from gesso.engines.diffusers.checkpoint import About, Checkpoint
from gesso.engines.diffusers.families.common import (
    LORAS,
    MEGAPIXEL,
    USUAL,
    flat,
    image_and_mask,
    is_called,
    number,
    one_view,
    painted_size,
    prompt_of,
    steps_of,
    strength_of,
    way_of,
)
from gesso.engines.diffusers.families.flux2_pictures import check_shapes, seen
from gesso.engines.diffusers.order import Call, Encoding, LatentLayout, Order, Way

CLASSES: Final[dict[Way, str]] = {
    "generate": "Flux2KleinPipeline",
    "instruct": "Flux2KleinPipeline",
    "instruct_inside": "Flux2KleinInpaintPipeline",
}
ENCODING: Final = Encoding(("prompt",), ("prompt_embeds", None))


class Klein:
    """A base is guided by a second pass, away from the negative prompt, which the pipeline takes as numbers only. What
    was distilled goes without: guidance and negative prompt count for nothing."""

    name = "klein"
    pipelines = frozenset({"Flux2KleinPipeline"})
    denoiser: Literal["transformer", "unet"] = "transformer"
    step = 16
    takes_loras = True
    words = USUAL | LORAS | {"guidance_scale", "negative_prompt", "strength", "image", "mask_image", "references"}
    latents = LatentLayout(packed=True)

    def way(self, order: Order) -> Way:
        """Return instruct for any picture, instruct_inside for one with a mask.

        Raises `EngineFailed` for a mask alone, and for pictures of extreme shapes.
        """
        way = way_of(order, instructed=True)
        if way == "instruct":
            check_shapes(order)
        return way

    def call(self, order: Order, about: About) -> Call:
        """Return the call. Steps and guidance that are not asked for: 50 and 4, distilled 4 and none. Inside a mask all
        is painted anew, and nothing larger than a megapixel: such pictures are painted smaller."""
        way = self.way(order)
        distilled = _distilled(order.checkpoint, about)
        most = MEGAPIXEL if way == "instruct_inside" else None
        width, height = painted_size((order.width, order.height), self.step, most)
        steps = steps_of(order, 4 if distilled else 50)
        guidance = 1.0 if distilled else number(order, "guidance_scale", 4.0)
        arguments: dict[str, Any] = {
            "prompt": prompt_of(order),
            "width": width,
            "height": height,
            "num_inference_steps": steps,
            "guidance_scale": guidance,
        }
        pictures: dict[str, Any] = {}
        if way == "instruct_inside":
            arguments["strength"] = strength_of(order, 1.0, steps)
            pictures |= image_and_mask(order, (width, height))
            references = [flat(one) for one in order.pictures("references")]
            if references:
                pictures["image_reference"] = one_view(references, self.step)
        elif way == "instruct":
            pictures["image"] = seen(order)
        return Call(
            CLASSES[way],
            arguments,
            (order.width, order.height),
            pictures,
            settings=(("is_distilled", distilled),),
            negative_words=str(order.arguments.get("negative_prompt") or "") if guidance > 1 else None,
        )

    def encoding(self, call: Call) -> Encoding | None:
        """Return how the words are encoded: the same for every way."""
        return ENCODING


def _distilled(checkpoint: Checkpoint, about: About) -> bool:
    said = about.setting("is_distilled")
    return not is_called(checkpoint, "base") if said is None else bool(said)
