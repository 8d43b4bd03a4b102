"""Decide how a request will be run: which routes, with which arguments, what becomes of each parameter, what it costs."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from gesso.catalogue.adapters import adapter_argument, adapter_verdict
from gesso.catalogue.check import Checked
from gesso.catalogue.describe import bare_choice
from gesso.catalogue.drive import drive
from gesso.catalogue.model import Model, Route
from gesso.catalogue.pass_on import pass_on, picture_arguments, seed_argument
from gesso.catalogue.price import price, price_notes
from gesso.catalogue.roles import Role
from gesso.catalogue.stand_in import routes_of
from gesso.catalogue.vendors import VENDORS
from gesso.catalogue.wording import safe_text
from gesso.domain.errors import InvalidInput, ModelNotReady, Problem
from gesso.domain.request import Fidelity, Plan, Request, RouteChoice, Verdict, VerdictWord
from gesso.domain.spending import ForNow

if TYPE_CHECKING:
    from gesso.catalogue.load import Catalogue

_FALSENESS: dict[Fidelity, int] = {"exact": 0, "approximate": 1, "stand_in": 2}
_RANK: dict[VerdictWord, int] = {"used": 0, "mapped": 1, "clamped": 2, "ignored": 3}


def able_to_nothing(route: RouteChoice) -> frozenset[str]:
    """Say of any route that its engine can do nothing beyond painting."""
    return frozenset()


def plan(
    catalogue: Catalogue,
    model: Model,
    request: Request,
    checked: Checked,
    *,
    fidelities: Collection[Fidelity],
    why_not: Callable[[RouteChoice], str | None],
    strict: bool = False,
    served: Collection[Role] = (),
    able: Callable[[RouteChoice], frozenset[str]] = able_to_nothing,
) -> Plan:
    """Return the plan of a request; the same input always gives the same plan.

    The routes are the model's, in its order, then the built-in model as a stand-in. Those of another fidelity than
    allowed, and those `why_not` gives a reason against, are left out; later ones stay for failover when no verdict is
    worse than the first one's. A reason that passes by itself (`ForNow`) only puts a route behind those as true to the
    model: what ran a moment ago is not refused, and nothing stands in for it. `served` are roles the caller's API fulfils itself, such as "inline_result"; `able` tells what a route's engine can do.

    Raises `ModelNotReady` when none is left, and with `strict` `InvalidInput` when every route would ignore a
    parameter the asker gave.
    """
    ready, passing, obstacles = list[RouteChoice](), list[RouteChoice](), list[str]()
    for route in routes_of(model):
        if route.fidelity not in fidelities:
            obstacles.append(_not_allowed(route))
            continue
        if not _is_one(route, checked):
            continue
        choice = choose(catalogue, model, route, request, checked, served, able)
        reason = why_not(choice) or _too_many(catalogue, route, request)
        if reason is None:
            ready.append(choice)
        elif isinstance(reason, ForNow):
            passing.append(choice)
        else:
            obstacles.append(f"{_words(route)}: {reason}")
    ready = [*passing, *ready] if _truest(passing) < _truest(ready) else [*ready, *passing]
    if not ready:
        reasons = [*(f"{one}." for one in dict.fromkeys(obstacles)), *_retired(model)]
        raise ModelNotReady(f"{model.slug} cannot run here now. {' '.join(reasons)}")
    if strict:
        ready = _without_losses(ready)
    cost, micro = price(model, request)
    routes = (ready[0], *(later for later in ready[1:] if _no_worse(later, ready[0])))
    return Plan(routes=routes, price=cost, price_micro=micro, notes=(*_notes(model, routes[0]), *price_notes(model)))


def choose(
    catalogue: Catalogue,
    model: Model,
    route: Route,
    request: Request,
    checked: Checked,
    served: Collection[Role] = (),
    able: Callable[[RouteChoice], frozenset[str]] = able_to_nothing,
) -> RouteChoice:
    """Return one route worked out: its arguments, and a verdict for every parameter and every unknown field."""
    bare = bare_choice(model, route)
    runs = "this route"
    if route.model is None:
        driven = pass_on(model, route, request, checked, served, able(bare))
    else:
        target = model if route.model == model.slug else catalogue.get(route.model)
        driven = drive(model, target, route, request, checked, served)
        runs = target.name
    adapter = adapter_verdict(route, request, runs)
    strangers = tuple(
        Verdict(
            parameter=safe_text(name), verdict="ignored", reason="unknown: the model has no such parameter", given=True
        )
        for name in checked.unknown
    )
    found = {
        "runs": route.model or (route.target if route.fidelity == "stand_in" else model.slug),
        "arguments": driven.arguments | adapter_argument(model, route, request),
        "pictures": picture_arguments(model, route, checked.values) if route.model is None else (),
        "repeats": any(argument.how == "repeat" for argument in route.arguments.values()),
        "seed_argument": seed_argument(model, route) if route.model is None else "",
        "seed_maximum": _seed_maximum(model),
        "verdicts": (*driven.verdicts, *adapter, *strangers),
    }
    return bare.model_copy(update=found)


def _is_one(route: Route, checked: Checked) -> bool:
    """Tell whether a route is one for this request: some are for certain versions of their model."""
    return all(checked.values.get(name) in wanted for name, wanted in route.only_when.items())


def _seed_maximum(model: Model) -> int | None:
    parameter = model.with_role("seed")
    return None if parameter is None or parameter.maximum is None else int(parameter.maximum)


def _too_many(catalogue: Catalogue, route: Route, request: Request) -> str | None:
    if route.model is None:
        return None
    most = catalogue.get(route.model).max_count
    return None if request.count <= most else f"it paints at most {most} pictures a job, not {request.count}"


def _without_losses(ready: list[RouteChoice]) -> list[RouteChoice]:
    """Keep the routes that honour all the asker gave; raise when there is none, naming what the first would ignore."""
    whole = [choice for choice in ready if not _lost(choice)]
    if not whole:
        raise InvalidInput(
            [
                Problem(
                    field=one.parameter,
                    code="would_be_ignored",
                    message=f"{one.parameter} would be ignored ({one.reason}), and the request is strict.",
                )
                for one in _lost(ready[0])
            ]
        )
    return whole


def _lost(choice: RouteChoice) -> list[Verdict]:
    return [one for one in choice.verdicts if one.given and one.verdict == "ignored"]


def _truest(choices: list[RouteChoice]) -> int:
    return min((_FALSENESS[one.fidelity] for one in choices), default=len(_FALSENESS))


def _no_worse(later: RouteChoice, first: RouteChoice) -> bool:
    ranks = {one.parameter: _RANK[one.verdict] for one in first.verdicts}
    return all(_RANK[one.verdict] <= ranks[one.parameter] for one in later.verdicts)


def _words(route: Route) -> str:
    where = VENDORS[route.vendor].name if route.vendor else route.note
    return f"The {route.engine} engine" + (f" ({where})" if where else "")


def _not_allowed(route: Route) -> str:
    if route.fidelity == "stand_in":
        return (
            "Standing in with another model is not allowed for this key: a test key may, and the operator can allow it"
            " for live keys (GESSO_ALLOW_FIDELITY=stand_in)"
        )
    return (
        f"{_words(route)} would run another build of the model, which is not allowed for this key: a test key may, and the"
        " operator can allow it for live keys (GESSO_ALLOW_FIDELITY=approximate)"
    )


def _notes(model: Model, choice: RouteChoice) -> tuple[str, ...]:
    if choice.fidelity == "stand_in":
        stands_in = f"{choice.runs} stands in for {model.slug}: the picture is not {model.name}'s work."
        return (stands_in, *_retired(model))
    if choice.fidelity == "approximate":
        return (f"Another build of {model.name} is run{_of_which(model, choice)}.", *_retired(model))
    return _retired(model)


def _of_which(model: Model, choice: RouteChoice) -> str:
    """Return what the catalogue says of the route a choice was made of."""
    bare = {"engine", "vendor", "target", "pipeline", "fidelity"}
    chosen = choice.model_dump(include=bare)
    said = [route.note for route in routes_of(model) if bare_choice(model, route).model_dump(include=bare) == chosen]
    return f": {said[0]}" if said and said[0] else ""


def _retired(model: Model) -> tuple[str, ...]:
    """Return what to use instead of a model that its owner no longer offers."""
    lifecycle = model.lifecycle
    if lifecycle.state != "retired" or not lifecycle.successor:
        return ()
    return (f"{model.slug} was retired by its owner; its successor is {lifecycle.successor}.",)
