"""Whether a route could be painted here now; if not, why, in a sentence that says what to do. Loads no torch."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from gesso.domain.request import RouteChoice
from gesso.engines.diffusers.about import INDEX, NotWhole, read_about, whole_file
from gesso.engines.diffusers.checkpoint import About
from gesso.engines.diffusers.families.table import FAMILIES
from gesso.engines.diffusers.places import Place, Places

LIBRARIES = ("torch", "diffusers", "transformers", "accelerate", "peft", "safetensors", "sentencepiece", "psutil")
MISSING = "the extra diffusers is not installed: pip install 'gesso[diffusers]'"
PACKAGES = {"photomaker": "photomaker"}  # what a part beside a checkpoint needs installed


def installed() -> bool:
    """Tell whether what paints is installed. Nothing is imported."""
    return all(find_spec(name) is not None for name in LIBRARIES)


class Look:
    """Looks at weights on the disk, each file once until it changes."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._known: dict[Path, tuple[int, About | str]] = {}

    def why_not(self, route: RouteChoice) -> str | None:
        """Return None where all the weights of a route are here and whole, else what to do."""
        if route.pipeline not in FAMILIES:
            return f"this version cannot run {route.pipeline or 'weights of no named class'}"
        for part, package in PACKAGES.items():
            if part in route.beside and find_spec(package) is None:
                return f"{route.runs} needs the package {package}, which its authors publish as source only"
        for target in (route.target, *route.beside.values()):
            if (place := self._places.find(target)) is None:
                return self._absent(target, route)
            if target == route.target and isinstance(reason := self.about(place), str):
                return f"the weights {target} are not whole ({reason}): {_again(self._places, target, route)}"
        return None

    def about(self, place: Place) -> About | str:
        """Return what a checkpoint says of itself, or what is wrong with it."""
        file = place.path / INDEX if place.kind == "folder" else place.path
        try:
            changed = file.stat().st_mtime_ns
        except OSError:
            return f"{file.name} is missing"
        known = self._known.get(place.path)
        if known is None or known[0] != changed:
            known = self._known[place.path] = changed, _about(place)
        return known[1]

    def _absent(self, target: str, route: RouteChoice) -> str:
        if self._places.named(target) is not None:
            return f"nothing lies where GESSO_DIFFUSERS_CHECKPOINTS says that the weights {target} are"
        return f"the weights {target} are not here: gesso pull {route.runs}"


def _again(places: Places, target: str, route: RouteChoice) -> str:
    if places.named(target) is not None:
        return "look at its folder of GESSO_DIFFUSERS_CHECKPOINTS"
    return f"gesso pull {route.runs}"


def _about(place: Place) -> About | str:
    try:
        if place.kind == "folder":
            return read_about(place.path)
        return About("", (), weights_bytes=whole_file(place.path).bytes)
    except NotWhole as error:
        return str(error)
