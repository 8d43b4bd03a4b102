"""The built-in model, which stands in for any other: the last route of every model that has none of its own to it."""

from __future__ import annotations

from gesso.catalogue.model import Model, Route

BUILTIN_MODEL = "gesso-sketch"
BUILTIN_ROUTE = Route(engine="builtin", fidelity="stand_in", model=BUILTIN_MODEL)


def routes_of(model: Model) -> tuple[Route, ...]:
    """Return the model's routes, the built-in stand-in last unless the model has that route already."""
    if any(route.engine == "builtin" for route in model.routes):
        return model.routes
    return (*model.routes, BUILTIN_ROUTE)
