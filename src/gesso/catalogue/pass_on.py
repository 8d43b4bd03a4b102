"""Hand a request to an engine under the engine's own argument names, as a route without a driven model says."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from gesso.catalogue.active import is_set, why_idle
from gesso.catalogue.check import Checked
from gesso.catalogue.drive import Driven, Said, record
from gesso.catalogue.limits import clamp
from gesso.catalogue.model import Argument, Model, Parameter, Route
from gesso.catalogue.roles import SERVER_ROLES, Role
from gesso.catalogue.wording import shown
from gesso.domain.request import Request


def pass_on(model: Model, route: Route, request: Request, checked: Checked, served: Collection[Role] = ()) -> Driven:
    """Map each parameter by the route's `arguments`; one that is not listed goes under its own name.

    Pictures travel in the request, not in the arguments. The seed handed over is the request's, drawn or given.
    """
    arguments: dict[str, Any] = dict(route.constants)
    verdicts = []
    for parameter in model.parameters:
        said = _say(parameter, route.arguments.get(parameter.name), request, checked, served)
        verdicts.append(record(parameter, checked, said))
        target = route.arguments.get(parameter.name, Argument(to=parameter.name)).to
        if target is not None and said.verdict != "ignored" and said.used is not None and not parameter.is_picture:
            arguments[target] = said.used
    return Driven(arguments, tuple(verdicts))


def _say(
    parameter: Parameter, argument: Argument | None, request: Request, checked: Checked, served: Collection[Role]
) -> Said:
    value = checked.values[parameter.name]
    if (idle := why_idle(parameter, checked.values)) is not None:
        return Said("ignored", idle)
    if argument is None:
        if parameter.role in served or (parameter.role in SERVER_ROLES and parameter.role != "inline_result"):
            return Said("used", "the server does it")
        argument = Argument(to=parameter.name)
    if argument.to is None:
        return Said(argument.verdict or "ignored", argument.reason or "this route does not take it")
    if parameter.role == "seed":
        return Said("used", "a seed was drawn" if request.seed_drawn else "passed on", request.seed)
    if not is_set(parameter, value):
        return Said("used", "not given")
    return _converted(argument, value)


def _converted(argument: Argument, value: Any) -> Said:
    asked = value
    if argument.values:
        value = argument.values.get(str(value), value)
    if argument.invert and isinstance(value, bool):
        value = not value
    if isinstance(value, int | float) and not isinstance(value, bool):
        inside = clamp(value, argument.minimum, argument.maximum)
        if inside != value:
            return Said("clamped", f"this route takes no {shown(value)}; {shown(inside)} is used", inside)
    if value is not asked or argument.verdict == "mapped":
        return Said("mapped", argument.reason or f"handed over as {argument.to} {shown(value)}", value)
    return Said("used", argument.reason or "passed on", value)
