"""What an operator changes of the catalogue without a file: the order of models' routes, and other names for models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from gesso.catalogue.model import Model, Route
from gesso.catalogue.stand_in import routes_of
from gesso.catalogue.vendors import VENDORS
from gesso.catalogue.wording import choices, did_you_mean, shown
from gesso.domain.errors import OperatorError

EVERY = "*"  # in the order of routes: every model without an order of its own
_ENGINES = ("builtin", "diffusers", "resize", "upstream")


def routed(models: Iterable[Model], orders: Mapping[str, Sequence[str]]) -> list[Model]:
    """Return the models with their routes in the operator's order, by names of vendors or engines.

    A model's own order leaves out the routes it does not name; that of `EVERY` puts those it names first. The built-in
    stand-in stays last where it is not named. Raises `OperatorError` for a model, vendor or engine that is not there.
    """
    found = list(models)
    slugs = [model.slug for model in found]
    mistakes = [
        f"there is no model {shown(slug)}.{did_you_mean(slug, slugs)}" for slug in orders if slug not in (EVERY, *slugs)
    ]
    known = (*VENDORS, *_ENGINES)
    mistakes += [
        f"{shown(name)} is neither a vendor nor an engine.{did_you_mean(name, known)}"
        for name in orders.get(EVERY, ())
        if name not in known
    ]
    for model in found:
        has = list(dict.fromkeys(_name(route) for route in routes_of(model)))
        mistakes += [
            f"{model.slug} has no route at {shown(name)}: it has {choices(has)}"
            for name in orders.get(model.slug, ())
            if not any(_is(route, name) for route in routes_of(model))
        ]
    _refuse("GESSO_ROUTES", mistakes)
    return [_routed(model, orders) for model in found]


def checked_aliases(models: Iterable[Model], aliases: Mapping[str, str]) -> Mapping[str, str]:
    """Return the aliases; raise `OperatorError` for one that leads to no model, or to what is an alias itself."""
    slugs = [model.slug for model in models]
    mistakes = []
    for name, target in aliases.items():
        if target not in slugs:
            mistakes.append(
                f"{shown(name)} is to be run as {shown(target)}, and there is no such model."
                f"{did_you_mean(target, slugs)}"
            )
        elif target in aliases:
            mistakes.append(f"{shown(name)} is to be run as {shown(target)}, which is run as another model itself")
    _refuse("GESSO_ALIASES", mistakes)
    return aliases


def check_targets(models: Iterable[Model], setting: str, names: Iterable[str], *, units: bool = False) -> None:
    """Raise `OperatorError` where "vendor/target" is no model's route, nor, with `units`, a unit of the vendor's: what a
    setting says of it has no effect."""
    routes = [route for model in models for route in model.routes]
    mistakes = []
    for name in names:
        vendor, _, known = name.partition("/")
        targets = sorted({route.target for route in routes if route.vendor == vendor})
        if known not in targets and not (units and known in ("credit", VENDORS[vendor].unit)):
            mistakes.append(f"{vendor} runs nothing under {shown(known)}.{did_you_mean(known, targets)}")
    _refuse(setting, mistakes)


def _routed(model: Model, orders: Mapping[str, Sequence[str]]) -> Model:
    if model.slug in orders:
        every = routes_of(model)
        routes = [route for name in orders[model.slug] for route in every if _is(route, name)]
    elif EVERY in orders:
        routes = [route for name in orders[EVERY] for route in model.routes if _is(route, name)] + list(model.routes)
    else:
        return model
    once = [route for number, route in enumerate(routes) if route not in routes[:number]]
    return model.model_copy(update={"routes": tuple(once)})


def _is(route: Route, name: str) -> bool:
    return name in (route.vendor, route.engine)


def _name(route: Route) -> str:
    return route.vendor or route.engine


def _refuse(setting: str, mistakes: Sequence[str]) -> None:
    if mistakes:
        lines = "".join(f"\n  {setting}: {mistake}" for mistake in mistakes)
        raise OperatorError(f"These settings are wrong:{lines}")
