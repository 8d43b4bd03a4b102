"""Hand a request to an engine under the engine's own argument names, as a route without a driven model says."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from gesso.catalogue.active import is_set, why_idle
from gesso.catalogue.canonical import one_minus, pictures
from gesso.catalogue.check import Checked
from gesso.catalogue.drive import Driven
from gesso.catalogue.limits import clamp
from gesso.catalogue.model import Argument, Model, Parameter, Route
from gesso.catalogue.roles import REFERENCE_ROLES, SERVER_ROLES, Role
from gesso.catalogue.size_nearness import NEAR, ratio_error
from gesso.catalogue.sizes import decide, parse_ratio, parse_sides
from gesso.catalogue.verdicts import Said, record, say_check, say_expansion, scaled_words
from gesso.catalogue.wording import shown
from gesso.domain.request import PictureArgument, Request


def pass_on(model: Model, route: Route, request: Request, checked: Checked, served: Collection[Role] = ()) -> Driven:
    """Map each parameter by the route's `arguments`; one that is not listed goes under its own name.

    Pictures travel in the request, not in the arguments. The seed handed over is the request's, drawn or given. A route
    that does not take the picture to edit is handed the size of one from words: there is nothing else it could follow.
    """
    arguments: dict[str, Any] = dict(route.constants)
    if request.operation == "edit" and not _takes_the_picture(model, route):
        size = decide(model, checked.values, "generate")
        found = {"operation": "generate", "width": size.width, "height": size.height, "size_rule": size.rule}
        request = request.model_copy(update=found)
    decision = decide(model, checked.values, request.operation)
    verdicts, paragraphs = [], []
    for parameter in model.parameters:
        argument = route.arguments.get(parameter.name)
        said = _say(parameter, argument, request, checked, served)
        if argument is not None and argument.send in ("size", "ratio") and said.used is not None:
            if decision.scaled_from is not None:
                said = said._replace(reason=f"{said.reason}, {scaled_words(decision.scaled_from)}")
        elif route.vendor and said.used is not None and parameter.role is not None and parameter.role in decision.idle:
            said = Said("ignored", decision.idle[parameter.role])  # sent beside what decides, it may contradict it
        verdicts.append(record(parameter, checked, said))
        if said.verdict != "ignored" and said.used is not None and not parameter.is_picture:
            argument = argument or Argument(to=parameter.name)
            if argument.how == "merge_prompt":
                paragraphs.append((argument, str(said.used)))
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
        if isinstance(argument.to, str):
            many = parameter.type == "image_list"
            found += (PictureArgument(argument=argument.to, picture=word, many=many) for word in words)
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


def _say_within(arguments: dict[str, Any], argument: Argument, value: str) -> None:
    """Put a value's words below what an argument holds, as a paragraph of their own."""
    words = argument.words.replace("{}", value)
    for name in _names(argument):
        arguments[name] = f"{arguments[name]}\n\n{words}" if name in arguments else words


def _names(argument: Argument) -> tuple[str, ...]:
    return (argument.to,) if isinstance(argument.to, str) else argument.to or ()


def _say(
    parameter: Parameter, argument: Argument | None, request: Request, checked: Checked, served: Collection[Role]
) -> Said:
    value = checked.values[parameter.name]
    if (idle := why_idle(parameter, checked.values)) is not None:
        return Said("ignored", idle)
    if parameter.role in served:
        return Said("used", "the server does it")
    if argument is None:
        if parameter.role in SERVER_ROLES and parameter.role != "inline_result":
            return Said("used", "the server does it")
        argument = Argument(to=parameter.name)
    if argument.how is not None:
        return _done(argument, parameter, value)
    if argument.to is None:
        if parameter.role == "inline_result" and not value:
            return Said("used", "the answer carries links")
        if argument.values and str(value) not in argument.values:
            return Said("used", "as it always is there")
        return Said(argument.verdict or "ignored", argument.reason or "this route does not take it")
    if argument.send in ("size", "ratio"):
        if request.width is None and parameter.role in ("resolution", "megapixels") and is_set(parameter, value):
            return Said("ignored", "this route makes an edit as large as its image")
        return _sized(argument, request) if argument.send == "size" else _shaped(argument, request)
    if parameter.role == "seed":
        return Said("used", "a seed was drawn" if request.seed_drawn else "passed on", request.seed)
    if not is_set(parameter, value):
        return Said("used", "not given")
    return _converted(argument, value)


def _sized(argument: Argument, request: Request) -> Said:
    if request.width is None or request.height is None:
        return Said("mapped", "the size follows from the image")
    asked = request.width, request.height
    sides, why = _fitted(asked, argument)
    size = "x".join(map(str, sides))
    if sides == asked:
        return Said("mapped", f"handed over as {size} pixels", size)
    return Said("clamped", f"this route takes {why}; {size} is used", size)


def _shaped(argument: Argument, request: Request) -> Said:
    if request.width is None or request.height is None:
        return Said("mapped", "the shape follows from the image")
    size = float(request.width), float(request.height)
    known = {text: ratio for text in argument.ratios if (ratio := parse_ratio(text)) is not None}
    nearest = min(known, key=lambda text: ratio_error(size, known[text]))
    if ratio_error(size, known[nearest]) > NEAR:
        return Said("clamped", f"this route does not take this shape; {nearest} is used", nearest)
    return Said("mapped", f"handed over as {nearest}, for which the route has its own size", nearest)


def _fitted(size: tuple[int, int], argument: Argument) -> tuple[tuple[int, ...], str]:
    """Return the route's size nearest to this one, in its shape, and what the route asks of a size."""
    step = argument.multiple_of
    nearest = tuple(max(step, (side + step // 2) // step * step) for side in size)
    area = math.prod(nearest)
    bound = clamp(area, argument.minimum, argument.maximum)
    if bound == area:
        return nearest, f"multiples of {step}"
    scale = math.sqrt(bound / math.prod(size))
    if bound > area:
        grown = tuple(math.ceil(round(side * max(scale, 1) / step, 6)) * step for side in size)
        return grown, f"no fewer than {bound:,} pixels"
    shrunk = tuple(max(1, math.floor(round(side * min(scale, 1) / step, 6))) * step for side in size)
    return shrunk, f"no more than {bound:,} pixels"


def _done(argument: Argument, parameter: Parameter, value: Any) -> Said:
    """Return the verdict of a parameter that is more than handed over."""
    if not is_set(parameter, value):
        return Said("used", "not given")
    match argument.how:
        case "repeat":
            return Said("used", "one call for each picture", value)
        case "merge_prompt":
            return Said("mapped", argument.reason or "said within the prompt", value)
        case "expand_prompt":
            return say_expansion(value, "this route has no language model")
        case "check_pictures":
            return say_check(parameter, value, "this route has no checker")
        case _:
            return Said("used", argument.reason or "passed on", value)


def _converted(argument: Argument, value: Any) -> Said:
    asked = value
    if argument.values:
        value = argument.values.get(str(value), value)
    if value is None:
        return Said("ignored", argument.reason or f"this route does not take {shown(asked)}")
    if argument.send == "list":
        value = [word for part in str(value).split(",") if (word := part.strip())]
    if argument.invert:
        value = not value if isinstance(value, bool) else one_minus(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        inside = clamp(value, argument.minimum, argument.maximum)
        if inside != value:
            return Said("clamped", f"this route takes no {shown(value)}; {shown(inside)} is used", inside)
    if value is not asked or argument.verdict == "mapped":
        return Said("mapped", argument.reason or f"handed over as {argument.to} {shown(value)}", value)
    return Said("used", argument.reason or "passed on", value)
