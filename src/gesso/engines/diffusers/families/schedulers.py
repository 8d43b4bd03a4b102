"""Ways to step from noise to picture, by the names requests give them: diffusers' classes, and which take Karras' sigmas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gesso.domain.errors import EngineFailed
from gesso.engines.diffusers.checkpoint import About
from gesso.engines.diffusers.order import Scheduling

CLASSES: Final = {
    "DDIM": "DDIMScheduler",
    "DPMSolverMultistep": "DPMSolverMultistepScheduler",
    "HeunDiscrete": "HeunDiscreteScheduler",
    "K_EULER_ANCESTRAL": "EulerAncestralDiscreteScheduler",
    "K_EULER": "EulerDiscreteScheduler",
    "PNDM": "PNDMScheduler",
    "LCM": "LCMScheduler",
}
TAKE_KARRAS: Final = frozenset({"DPMSolverMultistepScheduler", "HeunDiscreteScheduler", "EulerDiscreteScheduler"})
# Latents go beyond 1 and are not to be cut: configurations of these models say it to DDIM, unless they say nothing.
ALWAYS: Final[dict[str, tuple[tuple[str, object], ...]]] = {"DDIMScheduler": (("clip_sample", False),)}
WORDS: Final = frozenset({"scheduler", "use_karras_sigmas"})


def scheduling_of(arguments: Mapping[str, Any], about: About) -> Scheduling | None:
    """Return the scheduler that `scheduler` and `use_karras_sigmas` ask for; None leaves the checkpoint's own.

    Karras' spacing is a setting of three classes, also of the checkpoint's own where it is one of them; for others it
    means nothing. Raises `EngineFailed` for a name that is none.
    """
    asked, karras = arguments.get("scheduler"), arguments.get("use_karras_sigmas")
    own = dict(about.parts).get("scheduler", "")
    name = CLASSES.get(str(asked), str(asked)) if asked else own
    if asked and name not in CLASSES.values():
        raise EngineFailed(f"There is no scheduler {asked!r}; there are {', '.join(CLASSES)}.")
    takes = karras is not None and name in TAKE_KARRAS
    if not asked and not takes:
        return None
    return Scheduling(name, ALWAYS.get(name, ()) + ((("use_karras_sigmas", bool(karras)),) if takes else ()))
