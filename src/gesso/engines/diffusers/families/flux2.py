"""FLUX.2 [dev], alone and with the adapter that makes it quick: pictures from words, and from words and pictures."""

from __future__ import annotations

from typing import Any, Final, Literal

from gesso.domain.errors import EngineFailed
from gesso.engines.diffusers.checkpoint import About
from gesso.engines.diffusers.families.common import (
    LORAS,
    USUAL,
    number,
    painted_size,
    prompt_of,
    steps_of,
    way_of,
)
from gesso.engines.diffusers.families.flux2_pictures import check_shapes, seen
from gesso.engines.diffusers.order import Call, Encoding, LatentLayout, Order, Way

# The noise at each of Turbo's steps, by its card.
TURBO: Final = (1.0, 0.6509, 0.4374, 0.2932, 0.1893, 0.1108, 0.0495, 0.00031)
ENCODING: Final = Encoding(("prompt",), ("prompt_embeds", None))


class Flux2Dev:
    """Guidance is an input, learned. Several pictures are looked at one by one. It keeps no part of a picture as it is.

    A checkpoint with an adapter beside it is Turbo.
    """

    name = "flux2"
    pipelines = frozenset({"Flux2Pipeline"})
    denoiser: Literal["transformer", "unet"] = "transformer"
    step = 16
    takes_loras = True
    words = USUAL | LORAS | {"guidance_scale", "caption_upsample_temperature", "image", "references"}
    latents = LatentLayout(packed=True)

    def way(self, order: Order) -> Way:
        """Return instruct for any picture. Raises `EngineFailed` for a mask, and for pictures of extreme shapes."""
        if order.mask is not None:
            raise EngineFailed("FLUX.2 [dev] takes no mask: it paints the whole picture anew.")
        check_shapes(order)
        return way_of(order, instructed=True)

    def call(self, order: Order, about: About) -> Call:
        """Return the call. Steps and guidance that are not asked for: 50 and 4, of Turbo 8 and 2.5."""
        quick = order.checkpoint.part("adapter") is not None
        way = self.way(order)
        width, height = painted_size((order.width, order.height), self.step)
        steps = steps_of(order, len(TURBO) if quick else 50)
        arguments: dict[str, Any] = {
            "prompt": prompt_of(order),
            "width": width,
            "height": height,
            "num_inference_steps": steps,
            "guidance_scale": number(order, "guidance_scale", 2.5 if quick else 4.0),
        }
        if quick and steps == len(TURBO):
            arguments["sigmas"] = list(TURBO)
        temperature = number(order, "caption_upsample_temperature", 0.0, least=0.0)
        if temperature:
            arguments["caption_upsample_temperature"] = temperature
        pictures = {"image": seen(order)} if way == "instruct" else {}
        return Call("Flux2Pipeline", arguments, (order.width, order.height), pictures)

    def encoding(self, call: Call) -> Encoding | None:
        """Return how the words are encoded, unless the text encoder writes better ones first: by chance, and by what
        the pictures show."""
        return None if "caption_upsample_temperature" in call.arguments else ENCODING
