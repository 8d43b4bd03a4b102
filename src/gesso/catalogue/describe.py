"""A model of the catalogue as plain data for programs: what the command line and the API list of it."""

from __future__ import annotations

from typing import Any

from gesso.catalogue.model import Model, Parameter, Route
from gesso.catalogue.stand_in import routes_of
from gesso.catalogue.tiers import TIER_TABLES, rights
from gesso.domain.credits import render_credits
from gesso.domain.request import RouteChoice

# Facts every parameter is listed with, in this order; its other ones only where the model states them.
_ALWAYS = (
    "name",
    "type",
    "role",
    "required",
    "default",
    "enum",
    "accepts",
    "minimum",
    "maximum",
    "description",
)


def describe(model: Model) -> dict[str, Any]:
    """Return what there is to know of a model before one asks it for a picture, without whether it can run here."""
    return {
        "slug": model.slug,
        "name": model.name,
        "owner": model.owner,
        "licence": model.licence,
        "family": model.family,
        "description": model.description,
        "operations": list(model.operations),
        "names": {dialect: list(names) for dialect, names in model.names.items()},
        "lifecycle": _lifecycle(model),
        "price": _price(model),
        "tiers": _tiers(model),
        "adapters": {name: adapter.description for name, adapter in model.adapters.items()},
        "routes": [describe_route(route) for route in routes_of(model)],
        "parameters": [describe_parameter(parameter) for parameter in model.parameters],
    }


def describe_parameter(parameter: Parameter) -> dict[str, Any]:
    """Return a parameter's facts; `accepts` are values taken beyond those of its `enum`."""
    whole = parameter.model_dump(mode="json")
    stated = parameter.model_dump(mode="json", exclude_defaults=True)
    return {name: whole[name] for name in _ALWAYS} | {n: value for n, value in stated.items() if n not in _ALWAYS}


def describe_route(route: Route) -> dict[str, Any]:
    """Return who runs the model on a route, and how faithfully; what does not apply is null."""
    return {
        "engine": route.engine,
        "vendor": route.vendor or None,
        "target": route.target or route.model,
        "fidelity": route.fidelity,
    }


def bare_choice(model: Model, route: Route) -> RouteChoice:
    """Return a route as engines are asked whether they could run it, before there is a request."""
    return RouteChoice(
        engine=route.engine,
        fidelity=route.fidelity,
        runs=route.model or model.slug,
        slug=model.slug,
        vendor=route.vendor,
        target=route.target,
        pipeline=route.pipeline,
        beside=dict(route.beside),
    )


def _lifecycle(model: Model) -> dict[str, Any]:
    lifecycle = model.lifecycle
    return {
        "state": lifecycle.state,
        "date": lifecycle.date,
        "successor": lifecycle.successor,
        "note": lifecycle.note or None,
    }


def _tiers(model: Model) -> dict[str, Any] | None:
    """Return what each tier of accounts may use; None where every account may use all of it."""
    if model.tiers is None:
        return None
    table = TIER_TABLES[model.tiers.table] if model.tiers.table else None
    return {
        "rights": [{**right._asdict(), "resolutions": list(right.resolutions)} for right in rights(model)],
        "facts": [fact.model_dump() for fact in (model.tiers.fact, table and table.fact) if fact],
    }


def _price(model: Model) -> dict[str, Any]:
    price, fact = model.price, model.price_fact
    return {
        "amount": f"{price.amount.normalize():f}",
        "unit": price.unit,
        "credits": render_credits(price.micro_credits()),
        "per": "image",
        "source": fact.source if fact else None,
        "confidence": fact.confidence if fact else None,
    }
