"""PhotoMaker on an SDXL: the person of some photographs in a new picture. Its pipeline comes with its own package."""

from __future__ import annotations

import re
from typing import Any, Final, Literal

from gesso.domain.errors import EngineFailed
from gesso.engines.diffusers.checkpoint import About
from gesso.engines.diffusers.families import styles
from gesso.engines.diffusers.families.common import USUAL, flat, number, painted_size, prompt_of, steps_of
from gesso.engines.diffusers.order import Attachment, Call, Encoding, LatentLayout, Order, Way

PIPELINE: Final = "photomaker:PhotoMakerStableDiffusionXLPipeline"  # of the package photomaker
TRIGGER: Final = "img"  # stands behind the word that says what the person is
STEPS: Final = 20
GUIDANCE: Final = 5.0
LEAST_GUIDANCE: Final = 1.01  # its pipeline refuses to go without
SHARE: Final = 20.0  # percent of the steps after which the face counts
LATEST: Final = 30  # the step at which it does at the latest


class PhotoMaker:
    """`start_merge_step` is a percentage of the steps, as requests give it. The weights are `photomaker` beside an SDXL."""

    name = "photomaker"
    pipelines = frozenset({"PhotoMakerStableDiffusionXLPipeline"})
    denoiser: Literal["transformer", "unet"] = "unet"
    step = 8
    takes_loras = False
    words = USUAL | {"negative_prompt", "guidance_scale", "styles", "id_images", "start_merge_step"}
    latents = LatentLayout(packed=False)

    def way(self, order: Order) -> Way:
        """Return generate. Raises `EngineFailed` without a photograph of the person, or with a picture to edit."""
        if order.image is not None or order.mask is not None:
            raise EngineFailed("PhotoMaker paints new pictures; it edits none.")
        if not order.pictures("id_images"):
            raise EngineFailed("PhotoMaker needs a photograph of the person.")
        return "generate"

    def call(self, order: Order, about: About) -> Call:
        """Return the call. Raises `EngineFailed` where the prompt does not say who the person is."""
        self.way(order)
        words = prompt_of(order)
        if len(re.findall(rf"\b{TRIGGER}\b", words)) != 1:
            raise EngineFailed(f"The prompt has to hold the word {TRIGGER!r} once, behind the word for the person.")
        prompt, negative = styles.styled(
            words, order.arguments.get("negative_prompt"), order.arguments.get("styles"), order.seed
        )
        size = painted_size((order.width, order.height), self.step)
        steps = steps_of(order, STEPS)
        arguments: dict[str, Any] = {
            "prompt": prompt,
            "negative_prompt": negative,
            "width": size[0],
            "height": size[1],
            "num_inference_steps": steps,
            "guidance_scale": number(order, "guidance_scale", GUIDANCE, least=LEAST_GUIDANCE),
            "start_merge_step": min(LATEST, int(number(order, "start_merge_step", SHARE) / 100 * steps)),
        }
        people = [flat(one) for one in order.pictures("id_images")]
        return Call(
            PIPELINE,
            arguments,
            (order.width, order.height),
            {"input_id_images": people},
            attachments=(Attachment("photomaker", ("photomaker",)),),
        )

    def encoding(self, call: Call) -> Encoding | None:
        """Return None: what the words become hangs on the photographs."""
        return None
