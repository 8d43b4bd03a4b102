"""What becomes of each parameter that is handed to an engine under the engine's own argument names."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from gesso.catalogue.active import is_set, why_idle
from gesso.catalogue.canonical import one_minus
from gesso.catalogue.check import Checked
from gesso.catalogue.limits import clamp
from gesso.catalogue.model import Argument, Model, Parameter, Route
from gesso.catalogue.roles import SERVER_ROLES, Role
from gesso.catalogue.size_nearness import NEAR, ratio_error
from gesso.catalogue.sizes import Decision, parse_ratio
from gesso.catalogue.verdicts import Said, rule_words, say_check, say_expansion, scaled_words
from gesso.catalogue.wording import choices, shown
from gesso.domain.request import Request


@dataclass(frozen=True)
class Passing:
    """What every rule below looks at. `able` are the words of `how:` that the engine can do here."""

    model: Model
    route: Route
    request: Request
    checked: Checked
    served: Collection[Role]
    able: Collection[str]
    size: Decision


def say(passing: Passing, parameter: Parameter) -> Said:
    """Return the verdict of one parameter, and what goes to the engine for it."""
    argument = passing.route.arguments.get(parameter.name)
    said = _say(passing, parameter, argument)
    if said.used is None or parameter.role is None:
        return said
    if argument is not None and argument.send in ("size", "ratio"):
        if passing.size.scaled_from is not None:
            return said._replace(reason=f"{said.reason}, {scaled_words(passing.size.scaled_from)}")
    elif passing.route.vendor and parameter.role in passing.size.idle:
        return Said("ignored", passing.size.idle[parameter.role])  # sent beside what decides, it may contradict it
    return said


def _say(passing: Passing, parameter: Parameter, argument: Argument | None) -> Said:
    value = passing.checked.values[parameter.name]
    if (idle := why_idle(parameter, passing.checked.values)) is not None:
        return Said("ignored", idle)
    if parameter.role in passing.served:
        return Said("used", "the server does it")
    if argument is None:
        if parameter.role in SERVER_ROLES and parameter.role != "inline_result":
            return Said("used", "the server does it")
        if parameter.role == "inline_result" and not passing.route.vendor:
            return _inline(value)
        argument = Argument(to=parameter.name)
    if is_set(parameter, value):
        idle = why_without_effect(passing.model, passing.route, argument, passing.checked.values)
        if idle is not None:
            return Said("ignored", idle)
    if argument.how is not None:
        return _done(passing, argument, parameter, value)
    if argument.to is None:
        if parameter.role == "inline_result" and not value:
            return _inline(value)
        if argument.values and str(value) not in argument.values:
            return Said("used", "as it always is there")
        if not passing.route.vendor and not is_set(parameter, value):
            return Said("used", "not given")
        return Said(argument.verdict or "ignored", argument.reason or "this route does not take it")
    if argument.send in ("size", "ratio"):
        if passing.request.width is None and (said := _sized_by_image(passing, parameter, value)) is not None:
            return said
        if not passing.route.vendor and parameter.role in passing.size.idle:
            return Said("ignored", passing.size.idle[parameter.role])
        return _sized(argument, passing.request) if argument.send == "size" else _shaped(argument, passing.request)
    if parameter.role == "seed":
        reason = argument.reason or "passed on"
        return Said("used", "a seed was drawn" if passing.request.seed_drawn else reason, passing.request.seed)
    if not is_set(parameter, value):
        return Said("used", "not given")
    return _converted(argument, value)


def why_without_effect(model: Model, route: Route, argument: Argument, values: Mapping[str, Any]) -> str | None:
    """Return why a value does not count on a route beside the others, or None when it does."""
    for name, wanted in argument.only_when.items():
        if values.get(name) not in wanted:
            return f"only used when {name} is {choices(wanted)}"
    for name, bound in argument.only_above.items():
        if not (values.get(name) or 0) > bound:
            return f"only used when {name} is above {shown(bound)}"
    if argument.only_with and not any(_counts(model, route, name, values) for name in argument.only_with):
        return f"only used with {choices(argument.only_with)}"
    if argument.not_with and all(_counts(model, route, name, values) for name in argument.not_with):
        return f"not used with {argument.not_with[0]}"
    return None


def _counts(model: Model, route: Route, name: str, values: Mapping[str, Any]) -> bool:
    """Tell whether a parameter has a value, and that has an effect."""
    parameter = model.parameter(name)
    if parameter is None or not is_set(parameter, values.get(name)):
        return False
    argument = _argument(route, name)
    # One that needs this one in turn would ask for ever: a value is enough there.
    if argument.only_with and any(name in _argument(route, other).only_with for other in argument.only_with):
        return True
    return why_without_effect(model, route, argument, values) is None


def _argument(route: Route, name: str) -> Argument:
    return route.arguments.get(name, Argument(to=name))


def _inline(value: Any) -> Said:
    """Return the verdict of a wish for pictures in the answer, where the asker's API does not fulfil it."""
    if value:
        return Said("ignored", "this API answers with links to the pictures")
    return Said("used", "the answer carries links")


def _sized_by_image(passing: Passing, parameter: Parameter, value: Any) -> Said | None:
    """Return the verdict of a size parameter of an edit whose size is not known before its image is."""
    if passing.route.vendor:
        if parameter.role in ("resolution", "megapixels") and is_set(parameter, value):
            return Said("ignored", "this route makes an edit as large as its image")
        return None
    if not is_set(parameter, value):
        return Said("used", "not given: the size follows from the image")
    if parameter.role in passing.size.idle:
        return Said("ignored", passing.size.idle[parameter.role])
    rule = passing.request.size_rule
    return Said("mapped", rule_words(rule) if rule else "the picture keeps its source's size")


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


def _done(passing: Passing, argument: Argument, parameter: Parameter, value: Any) -> Said:
    """Return the verdict of a parameter that is more than handed over."""
    if not is_set(parameter, value):
        return Said("used", "not given")
    match argument.how:
        case "repeat":
            return Said("used", "one call for each picture", value)
        case "merge_prompt":
            if argument.values.get(str(value), value) is None:
                return Said("used", "as it always is there")
            return Said("mapped", argument.reason or "said within the prompt", value)
        case "expand_prompt":
            if "expand_prompt" in passing.able and value not in (False, "Off"):
                return Said("used", "a language model writes the prompt out first", True)
            return say_expansion(value, "this route has no language model")
        case "check_pictures":
            if "check_pictures" in passing.able and (not value if parameter.role == "safety_off" else value):
                return Said("used", "finished pictures are looked at, and unsafe ones held back", True)
            return say_check(parameter, value, "this route has no checker")
        case "runtime":
            return _hurried(argument, value, passing.able)
        case _:
            return Said("used", argument.reason or "put on for this picture, and taken off again", value)


def _hurried(argument: Argument, value: Any, able: Collection[str]) -> Said:
    """Return the verdict of a wish for speed at the cost of exactness: as far as the installation goes."""
    level = argument.values.get(str(value), value)
    if level in (None, False, "none"):
        return Said("used", "nothing is hurried")
    if "runtime" not in able:
        return Said("ignored", "nothing here makes this model faster, or it is not allowed to")
    if level == "high" and "runtime_high" not in able:
        return Said("clamped", "this installation goes as far as regular", "regular")
    return Said("used" if level == value else "mapped", argument.reason or "quicker, and a little less exact", level)


def _converted(argument: Argument, value: Any) -> Said:
    asked = value
    if argument.values:
        value = argument.values.get(str(value), value)
    if value is None:
        if asked is False:
            return Said("used", "off")
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
