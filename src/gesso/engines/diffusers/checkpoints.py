"""Weights of a route as this installation loads them, and what is known of them: read without torch, once."""

from __future__ import annotations

from pathlib import Path

from gesso.domain.request import RouteChoice
from gesso.engines.diffusers.about import INDEX, NotWhole
from gesso.engines.diffusers.checkpoint import Checkpoint, Precision, Quantisation
from gesso.engines.diffusers.composition import Composition, compose
from gesso.engines.diffusers.engine_settings import EngineSettings
from gesso.engines.diffusers.needed import needed_beside
from gesso.engines.diffusers.places import Place, Places
from gesso.engines.diffusers.pulling.marker import read_mark


class Checkpoints:
    """Finds weights, and looks at their files once until they change."""

    def __init__(self, settings: EngineSettings, places: Places, usual: Precision) -> None:
        self._settings, self._places, self._usual = settings, places, usual
        self._known: dict[Checkpoint, tuple[object, Composition]] = {}

    def missing(self, route: RouteChoice) -> str | None:
        """Return the first target that a request's route needs and that is not here, or None."""
        targets = (route.target, *needed_beside(route).values())
        return next((target for target in targets if self._places.find(target) is None), None)

    def of(self, route: RouteChoice) -> Checkpoint:
        """Return the weights of a route, none of which is missing."""
        settings, place = self._settings, self._places.find(route.target)
        assert place is not None, "nothing is missing"
        beside = {name: found for name, target in route.beside.items() if (found := self._places.find(target))}
        base = beside.pop("base", None)
        return Checkpoint(
            target=route.target,
            pipeline=route.pipeline,
            path=place.path,
            kind=place.kind,
            base=None if base is None else base.path,
            beside=tuple((name, found.path) for name, found in sorted(beside.items())),
            precision=settings.precision or self._usual,
            quantisation=settings.quantisation_of.get(route.target) or _pulled_as(place),
            offload=settings.offload_of.get(route.target, settings.offload),
        )

    def look(self, checkpoint: Checkpoint) -> Composition | str:
        """Return what weights are put together from, or what is wrong with them."""
        changed = tuple(_changed(path) for path in (checkpoint.path, checkpoint.base, checkpoint.part("vae")))
        known = self._known.get(checkpoint)
        if known is not None and known[0] == changed:
            return known[1]
        found = _composed(checkpoint)
        if isinstance(found, Composition):  # what is wrong may be mended by any file within
            self._known[checkpoint] = changed, found
        return found


def _composed(checkpoint: Checkpoint) -> Composition | str:
    try:
        return compose(checkpoint)
    except NotWhole as error:
        return str(error)


def _changed(path: Path | None) -> tuple[int | None, ...]:
    """Return when a checkpoint was changed last."""
    return () if path is None else (_time(path), _time(path / INDEX))


def _time(file: Path) -> int | None:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return None


def _pulled_as(place: Place) -> Quantisation:
    """Return how weights are held that were pulled with --quant."""
    mark = read_mark(place.path if place.kind == "folder" else place.path.parent)
    return "none" if mark is None else mark.quantisation
