"""Run one model's request on another catalogue model: role by role, within the driven model's own ranges."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from gesso.catalogue.active import speaking_strength, why_idle
from gesso.catalogue.check import Checked
from gesso.catalogue.driven_verdicts import Driving, say
from gesso.catalogue.limits import clamp, longest
from gesso.catalogue.model import Model, Parameter, Route
from gesso.catalogue.roles import Role
from gesso.catalogue.sizes import decide, fit_within
from gesso.catalogue.verdicts import record
from gesso.domain.request import Request, Verdict


@dataclass(frozen=True)
class Driven:
    """The arguments for the driven model's engine, and the verdict of every parameter of the asked model."""

    arguments: dict[str, Any]
    verdicts: tuple[Verdict, ...]


def drive(
    model: Model, target: Model, route: Route, request: Request, checked: Checked, served: Collection[Role] = ()
) -> Driven:
    """Map a request of `model` onto `target`; `served` are roles the caller's API fulfils itself."""
    arguments = arguments_for(model, target, request, checked)
    arguments |= _spelt_out(model, route, checked)
    size = decide(model, checked.values, request.operation)
    driving = Driving(model, target, request, checked, served, size, arguments)
    verdicts = tuple(record(one, checked, say(driving, one, route)) for one in model.parameters)
    return Driven(arguments, verdicts)


def arguments_for(model: Model, target: Model, request: Request, checked: Checked) -> dict[str, Any]:
    """Return the request's canonical fields, cut to what the driven model takes; None where it is free to choose."""
    width, height = request.width, request.height
    if width is not None and height is not None:
        width, height = fit_within(target.sizing.limits, width, height)
    steps, guidance = _number(target, "steps", request.steps), _number(target, "guidance", request.guidance)
    arguments = {
        "prompt": _text(target, "prompt", request.prompt),
        "negative_prompt": _text(target, "negative_prompt", request.negative_prompt),
        "width": width,
        "height": height,
        "steps": None if steps is None else int(steps),
        "guidance": None if guidance is None else float(guidance),
        "strength": _number(target, "strength", request.strength),
    }
    if request.references and (strength := _reference_strength(model, target, checked)) is not None:
        arguments["reference_strength"] = strength
    return arguments


def _spelt_out(model: Model, route: Route, checked: Checked) -> dict[str, Any]:
    """Return the driven model's arguments that the route makes of choices: a quality that is so many steps."""
    found: dict[str, Any] = {}
    for parameter in model.parameters:
        argument = route.arguments.get(parameter.name)
        if argument is None or not isinstance(argument.to, str) or why_idle(parameter, checked.values) is not None:
            continue
        value = str(checked.values[parameter.name])
        if value in argument.values:
            found[argument.to] = argument.values[value]
    return found


def _text(target: Model, role: Role, text: str) -> str:
    parameter = target.with_role(role)
    return text[: longest(parameter)] if parameter else ""


def _number(target: Model, role: Role, value: float | None) -> float | None:
    parameter = target.with_role(role)
    if parameter is None:
        return None
    if value is None:
        return parameter.default  # type: ignore[no-any-return]
    return clamp(value, parameter.minimum, parameter.maximum)


def _reference_strength(model: Model, target: Model, checked: Checked) -> float | None:
    """Return how far the references count, 0..1, for a model that takes them all alike; None when it takes none."""
    own = target.with_role("reference_strength")
    if own is None:
        return None
    said = speaking_strength(model, checked)
    return float(own.default) if said is None else _share(said, checked.values[said.name])


def _share(parameter: Parameter, value: float) -> float:
    """Return a reference strength as 0..1; a scale that goes beyond 1 (to 2, to 100) is divided by its end."""
    return float(clamp(value / max(parameter.maximum or 1, 1), 0, 1))
