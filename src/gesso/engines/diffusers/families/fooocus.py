"""Fooocus' parameters on an SDXL: styles, performance, variation and enlargement, repainting, and guiding pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np

from gesso.domain.errors import EngineFailed
from gesso.engines.diffusers.checkpoint import Checkpoint
from gesso.engines.diffusers.families import maps, styles
from gesso.engines.diffusers.families.common import flat, number, prompt_of, steps_of
from gesso.engines.diffusers.families.outpaint import distances, extended
from gesso.engines.diffusers.families.unet_steps import steps_that_leave
from gesso.engines.diffusers.families.xl_painting import Control, Guide, Painting
from gesso.engines.diffusers.order import Order, Scheduling, Way

NUMBERS: Final = range(4)
_CONTROLS: Final = frozenset(
    f"{word}[{number}]" for word in ("control", "control_type", "control_weight", "control_stop") for number in NUMBERS
)
_OUTPAINT: Final = frozenset(f"outpaint_{word}" for word in ("sides", "left", "top", "right", "bottom"))
WORDS: Final = (
    frozenset({"performance", "variation", "variation_factor", "vary_image", "inpaint_prompt"}) | _OUTPAINT | _CONTROLS
)
GUIDANCE: Final = 7.0
LARGEST_SIDE: Final = 8192  # of what is enlarged


class Performance(NamedTuple):
    """Steps from words alone, and steps made where a picture is varied or enlarged."""

    steps: int
    varying: int


FEW_STEPS: Final = "Extreme Speed"
PERFORMANCES: Final = {"Speed": Performance(30, 18), "Quality": Performance(60, 36), FEW_STEPS: Performance(8, 8)}
SCHEDULING: Final = Scheduling(
    "DPMSolverMultistepScheduler", (("algorithm_type", "sde-dpmsolver++"), ("use_karras_sigmas", True))
)
QUICK: Final = Scheduling("LCMScheduler")


class Variation(NamedTuple):
    """How much of a picture is painted anew, and by how much it is enlarged; None: as asked for by itself."""

    strength: float
    factor: float | None = 1.0


VARIATIONS: Final = {
    "Vary (Subtle)": Variation(0.5),
    "Vary (Strong)": Variation(0.85),
    "Upscale (1.5x)": Variation(0.382, 1.5),
    "Upscale (2x)": Variation(0.382, 2.0),
    "Upscale (Fast 2x)": Variation(0.2, 2.0),
    "Upscale (Custom)": Variation(0.382, None),
}


class Guiding(NamedTuple):
    """What a type of guiding picture goes through, and its usual weight and stop."""

    part: str
    weight: float
    until: float


GUIDINGS: Final = {
    "ImagePrompt": Guiding("ip_adapter", 0.6, 0.5),
    "FaceSwap": Guiding("ip_adapter_face", 0.75, 0.9),
    "PyraCanny": Guiding("control_edges", 1.0, 0.5),
    "CPDS": Guiding("control_depth", 1.0, 0.5),
}
USUAL_GUIDING: Final = "ImagePrompt"
MAPS: Final = {"PyraCanny": maps.edges, "CPDS": maps.contrasts}


def is_meant(order: Order) -> bool:
    """Tell whether an order says something in Fooocus' words."""
    return any(word in order.arguments for word in WORDS) or any(one.argument in WORDS for one in order.given)


def wants_quick(arguments: Mapping[str, Any], checkpoint: Checkpoint) -> bool:
    """Tell whether the adapter `quick` beside the checkpoint is to be put on: for few steps, where it is there."""
    return arguments.get("performance") == FEW_STEPS and checkpoint.part("quick") is not None


def way(order: Order, usual: Way) -> Way:
    """Return what an order asks for, `usual` being what its image and mask say."""
    if _varies(order):
        return "image_to_image"
    if usual == "image_to_image" and order.image is not None:
        moved = distances(order.arguments, order.image.width, order.image.height)
        return "inpaint" if any(moved.values()) else usual
    return usual


def painting_of(order: Order) -> Painting:
    """Return what is painted. A picture to vary or enlarge goes before the one to repaint or extend.

    Few steps need the adapter `quick`; without it Extreme Speed paints as Speed does.
    """
    arguments = order.arguments
    quick = wants_quick(arguments, order.checkpoint)
    performance = PERFORMANCES[FEW_STEPS if quick else _performance(arguments)]
    prompt, negative = styles.styled(
        prompt_of(order), arguments.get("negative_prompt"), arguments.get("styles"), order.seed
    )
    controls, guides = _guidance(order)
    painting = Painting(
        prompt,
        negative,
        (order.width, order.height),
        steps=steps_of(order, performance.steps),
        guidance=1.0 if quick else number(order, "guidance_scale", GUIDANCE),
        scheduling=QUICK if quick else SCHEDULING,
        controls=controls,
        guides=guides,
    )
    if _varies(order):
        return _varied(painting, flat(order.pictures("vary_image")[0]), _variation(arguments), performance)
    if order.image is not None:
        return _repainted(painting, order, performance)
    return painting


def _varies(order: Order) -> bool:
    return bool(order.pictures("vary_image")) and (order.arguments.get("variation") or "Disabled") != "Disabled"


def _performance(arguments: Mapping[str, Any]) -> str:
    asked = str(arguments.get("performance") or "Speed")
    if asked not in PERFORMANCES:
        raise EngineFailed(f"There is no performance {asked!r}; there are {', '.join(PERFORMANCES)}.")
    return "Speed" if asked == FEW_STEPS else asked


def _variation(arguments: Mapping[str, Any]) -> Variation:
    asked = str(arguments["variation"])
    if asked not in VARIATIONS:
        raise EngineFailed(f"There is no way {asked!r} to vary a picture; there are {', '.join(VARIATIONS)}.")
    found = VARIATIONS[asked]
    factor = found.factor or float(arguments.get("variation_factor") or 0) or 1.0
    return Variation(found.strength, factor)


def _varied(painting: Painting, image: np.ndarray, variation: Variation, performance: Performance) -> Painting:
    """Return the painting of a picture varied: as large as that one, or enlarged."""
    height, width = image.shape[:2]
    factor = min(variation.factor or 1.0, max(1.0, LARGEST_SIDE / max(width, height)))
    return replace(
        painting,
        image=image,
        mask=None,
        size=(math.floor(width * factor), math.floor(height * factor)),
        strength=variation.strength,
        steps=steps_that_leave(performance.varying, variation.strength),
    )


def _repainted(painting: Painting, order: Order, performance: Performance) -> Painting:
    """Return the painting of a picture within its mask or beyond its sides; without either it is varied a little."""
    assert order.image is not None
    image, mask = extended(flat(order.image), order.mask, order.arguments)
    if mask is None:
        return _varied(painting, image, VARIATIONS["Vary (Subtle)"], performance)
    words = str(order.arguments.get("inpaint_prompt") or "")
    prompt = ", ".join(part for part in (words, painting.prompt) if part)
    return replace(painting, prompt=prompt, image=image, mask=mask, size=(image.shape[1], image.shape[0]))


def _guidance(order: Order) -> tuple[tuple[Control, ...], tuple[Guide, ...]]:
    controls, guides = [], []
    for place in NUMBERS:
        asked = str(order.arguments.get(f"control_type[{place}]") or USUAL_GUIDING)
        if asked not in GUIDINGS:
            raise EngineFailed(f"There is no guiding picture of type {asked!r}; there are {', '.join(GUIDINGS)}.")
        usual = GUIDINGS[asked]
        weight = number(order, f"control_weight[{place}]", usual.weight)
        until = number(order, f"control_stop[{place}]", usual.until, least=0.0, most=1.0)
        for one in order.pictures(f"control[{place}]"):
            if asked in MAPS:
                controls.append(Control(usual.part, flat(one), weight, until, MAPS[asked]))
            else:
                guides.append(Guide(usual.part, (flat(one),), weight, until))
    return tuple(controls), tuple(guides)
