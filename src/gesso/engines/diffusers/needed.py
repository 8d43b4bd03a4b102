"""Which of the weights beside a checkpoint a request needs: some are used only by what some requests ask for."""

from __future__ import annotations

from typing import Final

from gesso.domain.request import RouteChoice
from gesso.engines.diffusers.families.fooocus import FEW_STEPS, GUIDINGS, USUAL_GUIDING

SOMETIMES: Final = frozenset({"ip_adapter", "ip_adapter_face", "control_edges", "control_depth", "quick"})
_OF_PICTURES: Final = {
    "image_prompts": "ip_adapter",
    "style": "ip_adapter",
    "identity": "ip_adapter_face",
    "depth": "control_depth",
}


def needed_beside(route: RouteChoice) -> dict[str, str]:
    """Return the weights beside a route's checkpoint without which this request cannot be painted: use → whose."""
    used = _used(route)
    return {use: target for use, target in route.beside.items() if use not in SOMETIMES or use in used}


def _used(route: RouteChoice) -> set[str]:
    found = set()
    for one in route.pictures:
        word, _, number = one.argument.partition("[")
        if word == "control":
            said = route.arguments.get(f"control_type[{number}") or USUAL_GUIDING
            found.add(GUIDINGS[said].part if said in GUIDINGS else "")
        else:
            found.add(_OF_PICTURES.get(word, ""))
    if route.arguments.get("performance") == FEW_STEPS:
        found.add("quick")
    return found
