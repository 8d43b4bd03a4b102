"""Hand a request to an engine under the engine's own argument names, as a route without a driven model says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from gesso.catalogue.active import why_idle
from gesso.catalogue.canonical import pictures
from gesso.catalogue.check import Checked
from gesso.catalogue.drive import Driven
from gesso.catalogue.model import Argument, Model, Parameter, Route
from gesso.catalogue.passed_verdicts import Passing, say, why_without_effect
from gesso.catalogue.roles import REFERENCE_ROLES, Role
from gesso.catalogue.sizes import decide, parse_sides
from gesso.catalogue.verdicts import record
from gesso.domain.request import PictureArgument, Request

ASKED_OF_THE_ENGINE = ("check_pictures", "expand_prompt")  # words of `how:` that become an argument of that name


def pass_on(
    model: Model,
    route: Route,
    request: Request,
    checked: Checked,
    served: Collection[Role] = (),
    able: Collection[str] = (),
) -> Driven:
    """Map each parameter by the route's `arguments`; one that is not listed goes under its own name.

    Pictures travel in the request, not in the arguments. The seed handed over is the request's, drawn or given. A route
    that does not take the picture to edit is handed the size of one from words: there is nothing else it could follow.
    `able` are the words of `how:` that the engine can do here.
    """
    arguments: dict[str, Any] = dict(route.constants)
    if request.operation == "edit" and not _takes_the_picture(model, route):
        size = decide(model, checked.values, "generate")
        found = {"operation": "generate", "width": size.width, "height": size.height, "size_rule": size.rule}
        request = request.model_copy(update=found)
    decision = decide(model, checked.values, request.operation)
    passing = Passing(model, route, request, checked, served, able, decision)
    verdicts, paragraphs = [], []
    for parameter in model.parameters:
        argument = route.arguments.get(parameter.name)
        said = say(passing, parameter)
        verdicts.append(record(parameter, checked, said))
        if said.verdict != "ignored" and said.used is not None and not parameter.is_picture:
            argument = argument or Argument(to=parameter.name)
            if argument.how == "merge_prompt":
                paragraphs.append((argument, str(said.used)))
            elif argument.how == "load_loras":
                _put_on(arguments, argument, said.used)
            elif argument.how in ASKED_OF_THE_ENGINE:
                arguments[argument.how] = said.used
            else:
                arguments |= _handed_over(argument, said.used)
    for argument, value in paragraphs:
        _say_within(arguments, argument, value)
    return Driven(arguments, tuple(verdicts))


def _takes_the_picture(model: Model, route: Route) -> bool:
    """Tell whether a route takes what a model edits; true for a model that does nothing else."""
    parameter = model.with_role("image")
    if parameter is None or "generate" not in model.operations:
        return True
    return route.arguments.get(parameter.name, Argument(to=parameter.name)).to is not None


def picture_arguments(model: Model, route: Route, values: Mapping[str, Any]) -> tuple[PictureArgument, ...]:
    """Return which of the engine's arguments takes which of the request's pictures, in the model's order.

    A parameter that takes a list gives a list; so do several parameters that share an argument.
    """
    found: list[PictureArgument] = []
    references = 0
    for parameter in model.parameters:
        if not parameter.is_picture or why_idle(parameter, values) is not None:
            continue
        given = len(pictures(values.get(parameter.name)))
        words, references = _words_of(parameter, given, references)
        argument = route.arguments.get(parameter.name, Argument(to=parameter.name))
        if why_without_effect(model, route, argument, values) is not None:
            continue
        many = parameter.type == "image_list"
        if isinstance(argument.to, str):
            found += (PictureArgument(argument=argument.to, picture=word, many=many) for word in words)
        elif argument.to is not None:
            first, rest = argument.to
            found += (PictureArgument(argument=first, picture=word) for word in words[:1])
            found += (PictureArgument(argument=rest, picture=word, many=many) for word in words[1:])
    shared = Counter(one.argument for one in found)
    return tuple(one.model_copy(update={"many": one.many or shared[one.argument] > 1}) for one in found)


def _words_of(parameter: Parameter, given: int, references: int) -> tuple[list[str], int]:
    """Return what the request calls a parameter's pictures, and how many references there are now."""
    if parameter.role == "mask":
        return ["mask"][:given], references
    own = ["image"][:given] if parameter.role == "image" else []
    more = given - len(own)
    if parameter.role != "image" and parameter.role not in REFERENCE_ROLES:
        return [], references
    return [*own, *(f"reference[{references + i}]" for i in range(more))], references + more


def seed_argument(model: Model, route: Route) -> str:
    """Return the engine's argument that takes the seed, or an empty text."""
    parameter = model.with_role("seed")
    if parameter is None:
        return ""
    to = route.arguments.get(parameter.name, Argument(to=parameter.name)).to
    return to if isinstance(to, str) else ""


def _handed_over(argument: Argument, used: Any) -> dict[str, Any]:
    """Return the engine's arguments one parameter becomes: none, one, or width and height."""
    names = _names(argument)
    if argument.send == "size" and len(names) > 1:
        return dict(zip(names, parse_sides(used) or (), strict=True))
    return dict.fromkeys(names, used)


def _put_on(arguments: dict[str, Any], argument: Argument, used: Any) -> None:
    """Add what one parameter says of LoRAs to a list of the engine's: where they are, or their strengths."""
    for name in _names(argument):
        arguments[name] = [*arguments.get(name, ()), *(used if isinstance(used, list) else [used])]


def _say_within(arguments: dict[str, Any], argument: Argument, value: str) -> None:
    """Put a value's words below what an argument holds, as a paragraph of their own."""
    words = argument.words.replace("{}", value)
    for name in _names(argument):
        arguments[name] = f"{arguments[name]}\n\n{words}" if name in arguments else words


def _names(argument: Argument) -> tuple[str, ...]:
    return (argument.to,) if isinstance(argument.to, str) else argument.to or ()
