"""What becomes of each parameter of a model that is run on another one: a rule for each role."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from gesso.catalogue.active import is_set, speaking_strength, why_idle
from gesso.catalogue.canonical import meant
from gesso.catalogue.check import Checked
from gesso.catalogue.limits import longest
from gesso.catalogue.model import Argument, Model, Parameter, Route
from gesso.catalogue.roles import SIZE_ROLES, Role
from gesso.catalogue.sizes import Decision
from gesso.catalogue.verdicts import Said, rule_words, say_check, say_expansion, scaled_words
from gesso.catalogue.wording import shown
from gesso.domain.request import Request


@dataclass(frozen=True)
class Driving:
    """What every rule below looks at."""

    model: Model
    target: Model
    request: Request
    checked: Checked
    served: Collection[Role]
    size: Decision
    arguments: Mapping[str, Any]


def say(driving: Driving, parameter: Parameter, route: Route) -> Said:
    """Return the verdict of one parameter: idle in the asked model, settled by the route, or ruled by its role."""
    if (idle := why_idle(parameter, driving.checked.values)) is not None:
        return Said("ignored", idle)
    settled = route.arguments.get(parameter.name)
    if settled is not None and (said := _settled(settled, str(driving.checked.values[parameter.name]))) is not None:
        return said
    role = parameter.role
    if role is None:
        return _without(driving, None)
    rule = _RULES.get(role)
    if role in SIZE_ROLES:
        return _say_size(driving, parameter, role)
    if rule is None:
        return _without(driving, role)
    return rule(driving, parameter, driving.checked.values[parameter.name])


def _settled(argument: Argument, value: str) -> Said | None:
    """Return what the route itself says of a value; None where it says nothing, or names other values only."""
    if argument.values and value not in argument.values:
        return None
    if isinstance(argument.to, str) and argument.values:
        used = argument.values[value]
        return Said("mapped", argument.reason or f"painted with {argument.to} {shown(used)}", used)
    if argument.to is None and argument.reason:
        return Said(argument.verdict or "ignored", argument.reason)
    return None


def _without(driving: Driving, role: Role | None) -> Said:
    reason = driving.target.without.get(role) if role is not None else None
    return Said("ignored", reason or f"{driving.target.name} has nothing that corresponds to it")


def _say_size(driving: Driving, parameter: Parameter, role: Role) -> Said:
    value, size = driving.checked.values[parameter.name], driving.size
    if not is_set(parameter, value):
        return Said("used", "not given: the size follows from the rest")
    if role in size.idle:
        return Said("ignored", size.idle[role])
    if size.width is None or size.height is None:
        reason = rule_words(size.rule) if size.rule else "the picture keeps its source's size"
        return Said("used" if driving.model is driving.target else "mapped", reason)
    asked, used = f"{size.width}x{size.height}", f"{driving.arguments['width']}x{driving.arguments['height']}"
    if asked != used:
        return Said("clamped", f"{asked} is outside what {driving.target.name} paints; it paints {used}", used)
    if size.scaled_from is not None:
        return Said("mapped", f"the picture is {used} pixels, {scaled_words(size.scaled_from)}", used)
    side = {"width": size.width, "height": size.height}.get(role)
    if side is not None and side != value:
        return Said("mapped", f"rounded to {side}: the picture is {used} pixels", used)
    own = role in ("width", "height") or driving.model is driving.target
    return Said("used" if own else "mapped", f"the picture is {used} pixels", used)


def _say_text(driving: Driving, parameter: Parameter, value: Any) -> Said:
    target = driving.target.with_role(parameter.role) if parameter.role else None
    if target is None:
        return _without(driving, parameter.role)
    if not value:
        return Said("used", "not given")
    if len(value) > longest(target):
        return Said("clamped", f"{driving.target.name} reads the first {longest(target)} characters only")
    return Said("used", "read as it is")


def _say_image(driving: Driving, parameter: Parameter, value: Any) -> Said:
    if "edit" not in driving.target.operations:
        return _without(driving, "image")
    if not value:
        return Said("used", "not given")
    if driving.request.operation != "edit":
        return Said("ignored", f"{driving.model.name} does not edit pictures")
    if parameter.type == "image_list" and len(value) > 1:
        if driving.target.with_role("reference") is None:
            reason = driving.target.without.get("reference", f"{driving.target.name} takes no reference image")
            return Said("clamped", f"the first picture is edited; {reason}")
        return Said("mapped", "the first picture is edited; of the others the colours are taken")
    return Said("used", "the picture that is edited")


def _say_mask(driving: Driving, parameter: Parameter, value: Any) -> Said:
    if driving.target.with_role("mask") is None:
        return _without(driving, "mask")
    if not value:
        return Said("used", "not given")
    polarity = driving.request.mask_polarity
    if polarity != driving.target.mask_polarity:
        return Said("mapped", f"here {polarity} is repainted; the mask is turned over")
    return Said("used", f"only what is {polarity} is repainted")


def _say_reference(driving: Driving, parameter: Parameter, value: Any) -> Said:
    if driving.target.with_role("reference") is None:
        return _without(driving, parameter.role)
    if not value:
        return Said("used", "not given")
    return Said("mapped", "its colours are taken")


def _say_reference_strength(driving: Driving, parameter: Parameter, value: Any) -> Said:
    if driving.target.with_role("reference_strength") is None:
        return _without(driving, "reference_strength")
    if not is_set(parameter, value):
        return Said("used", "not given")
    if not driving.request.references:
        return Said("ignored", "there is no reference to take anything of")
    speaking = speaking_strength(driving.model, driving.checked)
    if speaking is not None and speaking is not parameter:
        return Said("ignored", f"all references count alike, as far as {speaking.name} says")
    used = driving.arguments["reference_strength"]
    if used != value:
        return Said("mapped", f"as a share of {shown(parameter.maximum)}: {shown(used)}", used)
    return Said("used", "how far the references' colours are taken", used)


def _say_check(driving: Driving, parameter: Parameter, value: Any) -> Said:
    return say_check(parameter, value, driving.target.without.get(parameter.role or "safety") or "there is no checker")


def _say_expansion(driving: Driving, parameter: Parameter, value: Any) -> Said:
    return say_expansion(value, driving.target.without.get("prompt_expansion") or "there is no language model")


def _say_number(driving: Driving, parameter: Parameter, value: Any) -> Said:
    target = driving.target.with_role(parameter.role) if parameter.role else None
    if target is None:
        return _without(driving, parameter.role)
    if parameter.role == "strength" and driving.request.operation == "generate":
        return Said("ignored", "there is no picture to keep anything of")
    used = driving.arguments[parameter.role or ""]
    if value is None:
        return Said("used", f"not given: {shown(used)} is used", used)
    if used != meant(parameter, value):
        words = f"{driving.target.name} takes {shown(target.minimum)} to {shown(target.maximum)}; {shown(used)} is used"
        return Said("clamped", words, used)
    if parameter.inverted:
        return Said("mapped", f"it says how much stays, so {shown(used)} may change", used)
    return Said("used", "passed on", used)


def _say_count(driving: Driving, parameter: Parameter, value: Any) -> Said:
    return Said("used", "so many pictures are painted", driving.request.count)


def _say_seed(driving: Driving, parameter: Parameter, value: Any) -> Said:
    seed = driving.request.seed
    if driving.request.seed_drawn:
        return Said("used", "left open: a seed was drawn", seed)
    if int(value) != seed:
        return Said("mapped", "taken modulo 2^32", seed)
    return Said("used", "the first picture's seed; each further picture adds one", seed)


def _say_format(driving: Driving, parameter: Parameter, value: Any) -> Said:
    return Said("used", "the pictures are written in this format", driving.request.output_format)


def _say_quality(driving: Driving, parameter: Parameter, value: Any) -> Said:
    used = driving.request.output_quality
    if driving.request.output_format == "png":
        return Said("ignored", "png loses nothing, so it has no quality setting")
    if value is None:
        return Said("used", f"not given: {used} is used", used)
    if used != value:
        return Said("clamped", f"the encoder takes 1 to 100; {used} is used", used)
    return Said("used", "the quality the pictures are written with", used)


def _say_inline(driving: Driving, parameter: Parameter, value: Any) -> Said:
    if "inline_result" in driving.served:
        return Said(
            "used", "the answer carries the pictures themselves" if value else "the answer carries links", value
        )
    if not value:
        return Said("used", "the answer carries links", value)
    return Said("ignored", "this API answers with links to the pictures")


_RULES: dict[Role, Callable[[Driving, Parameter, Any], Said]] = {
    "prompt": _say_text,
    "negative_prompt": _say_text,
    "image": _say_image,
    "mask": _say_mask,
    "reference": _say_reference,
    "style_reference": _say_reference,
    "character_reference": _say_reference,
    "control_image": _say_reference,
    "reference_strength": _say_reference_strength,
    "count": _say_count,
    "steps": _say_number,
    "guidance": _say_number,
    "strength": _say_number,
    "seed": _say_seed,
    "output_format": _say_format,
    "output_quality": _say_quality,
    "inline_result": _say_inline,
    "safety": _say_check,
    "safety_off": _say_check,
    "safety_level": _say_check,
    "prompt_expansion": _say_expansion,
}
