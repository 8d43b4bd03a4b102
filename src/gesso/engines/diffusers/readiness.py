"""Whether a route could be painted here now; if not, why, in a sentence that says what to do. Loads no torch."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

from gesso.domain.request import RouteChoice
from gesso.engines.diffusers.checkpoint import Checkpoint, Offload
from gesso.engines.diffusers.checkpoints import Checkpoints
from gesso.engines.diffusers.composition import Composition
from gesso.engines.diffusers.families.table import FAMILIES
from gesso.engines.diffusers.needs import Needs, needs_of_parts
from gesso.engines.diffusers.places import Places, is_operators

LIBRARIES = ("torch", "diffusers", "transformers", "accelerate", "peft", "safetensors", "sentencepiece", "psutil")
MISSING = "the extra diffusers is not installed: pip install 'gesso[diffusers]'"
PACKAGES = {"photomaker": "photomaker"}  # what a part beside a checkpoint needs installed
_LESS: tuple[Offload, ...] = ("model", "group")  # ways to load that take less of a device, quickest first


def installed() -> bool:
    """Tell whether what paints is installed. Nothing is imported."""
    return all(find_spec(name) is not None for name in LIBRARIES)


def why_not(route: RouteChoice, places: Places, checkpoints: Checkpoints, room: Needs | None) -> str | None:
    """Return None where all the weights of a route are here, whole, and fit; else what to do.

    `room` is what weights may take on the largest device, and of main memory; None where that is not known.
    """
    if route.pipeline not in FAMILIES:
        return f"this version cannot run {route.pipeline or 'weights of no named class'}"
    for part, package in PACKAGES.items():
        if part in route.beside and find_spec(package) is None:
            return f"{route.runs} needs the package {package}, which its authors publish as source only"
    if (target := checkpoints.missing(route)) is not None:
        if places.named(target) is not None:
            return f"nothing lies where GESSO_DIFFUSERS_CHECKPOINTS says that the weights {target} are"
        if is_operators(target):
            return f"{target} is weights of your own: say where they lie, GESSO_DIFFUSERS_CHECKPOINTS={target}=FOLDER"
        return f"the weights {target} are not here: gesso pull {route.slug or route.runs}"
    checkpoint = checkpoints.of(route)
    found = checkpoints.look(checkpoint)
    if isinstance(found, str):
        own = places.named(route.target) is not None
        what = "look at GESSO_DIFFUSERS_CHECKPOINTS" if own else f"gesso pull {route.slug or route.runs}"
        return f"the weights {route.target} are not whole ({found}): {what}"
    return None if room is None else _too_large(checkpoint, found, room)


def _too_large(checkpoint: Checkpoint, found: Composition, room: Needs) -> str | None:
    """Return why weights do not fit as they are to be loaded, and how they would, or None."""
    needs = needs_of_parts(checkpoint, found)
    if _fits(needs, room):
        return None
    asked = f"the weights {checkpoint.target} take {_shown(needs.device_bytes)}"
    for way in _LESS:
        if _fits(needs_of_parts(replace(checkpoint, offload=way), found), room):
            return f"{asked} and {_shown(room.device_bytes)} are for weights: set GESSO_DIFFUSERS_OFFLOAD_OF={checkpoint.target}={way}"
    return f"{asked}, and they fit in no way into the {_shown(room.device_bytes)} that are for weights here"


def _fits(needs: Needs, room: Needs) -> bool:
    return needs.device_bytes <= room.device_bytes and needs.host_bytes <= room.host_bytes


def _shown(count: int) -> str:
    return f"{count / (1 << 30):.3g} GB"
