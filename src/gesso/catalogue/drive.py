"""Run one model's request on another catalogue model: role by role, within the driven model's own ranges."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from gesso.catalogue.active import is_set, why_idle
from gesso.catalogue.check import Checked
from gesso.catalogue.limits import clamp, longest
from gesso.catalogue.model import Model, Parameter, Route
from gesso.catalogue.roles import SIZE_ROLES, Role
from gesso.catalogue.sizes import Decision, decide, fit_within
from gesso.catalogue.wording import shown
from gesso.domain.picture import PictureReference
from gesso.domain.request import Request, SizeRule, Verdict, VerdictWord


class Said(NamedTuple):
    """A verdict before it is put on record; `used` is what goes to the engine."""

    verdict: VerdictWord
    reason: str
    used: Any = None


@dataclass(frozen=True)
class Driven:
    """The arguments for the driven model's engine, and the verdict of every parameter of the asked model."""

    arguments: dict[str, Any]
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True)
class _Ask:
    """What every rule below looks at."""

    model: Model
    target: Model
    request: Request
    checked: Checked
    served: Collection[Role]
    size: Decision
    arguments: Mapping[str, Any]


def drive(
    model: Model, target: Model, route: Route, request: Request, checked: Checked, served: Collection[Role] = ()
) -> Driven:
    """Map a request of `model` onto `target`; `served` are roles the caller's API fulfils itself."""
    arguments = arguments_for(model, target, request, checked)
    size = decide(model, checked.values, request.operation)
    ask = _Ask(model, target, request, checked, served, size, arguments)
    verdicts = tuple(record(one, checked, _say(ask, one, route)) for one in model.parameters)
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


def record(parameter: Parameter, checked: Checked, said: Said) -> Verdict:
    """Put a verdict on record. Pictures and free text are not repeated: deleting the request has to delete them."""
    quiet = parameter.is_picture or parameter.is_free_text
    value, instead = checked.values[parameter.name], checked.instead.get(parameter.name)
    if instead is not None and said.verdict != "ignored":
        word: VerdictWord = "mapped" if said.verdict == "used" else said.verdict
        value, said = instead.asked, said._replace(verdict=word, reason=f"{instead.reason}; {said.reason}")
    return Verdict(
        parameter=parameter.name,
        verdict=said.verdict,
        reason=said.reason,
        got=None if quiet else _plain(value),
        used=None if quiet or said.verdict == "ignored" else _plain(said.used),
        given=parameter.name in checked.given,
    )


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


def speaking_strength(model: Model, checked: Checked) -> Parameter | None:
    """Return the parameter that says how far the references count: the first one given, else the first with a value."""
    counting = [
        one
        for one in model.parameters
        if one.role == "reference_strength"
        and why_idle(one, checked.values) is None
        and is_set(one, checked.values[one.name])
    ]
    given = (one for one in counting if one.name in checked.given)
    return next(given, counting[0] if counting else None)


def _share(parameter: Parameter, value: float) -> float:
    """Return a reference strength as 0..1; a scale that goes beyond 1 (to 2, to 100) is divided by its end."""
    return float(clamp(value / max(parameter.maximum or 1, 1), 0, 1))


def _plain(value: Any) -> Any:
    return None if isinstance(value, PictureReference) else value


def _say(ask: _Ask, parameter: Parameter, route: Route) -> Said:
    """Return the verdict of one parameter: idle in the asked model, settled by the route, or ruled by its role."""
    if (idle := why_idle(parameter, ask.checked.values)) is not None:
        return Said("ignored", idle)
    settled = route.arguments.get(parameter.name)
    if settled is not None and settled.to is None and settled.reason:
        return Said(settled.verdict or "ignored", settled.reason)
    role = parameter.role
    if role is None:
        return _without(ask, None)
    rule = _RULES.get(role)
    if role in SIZE_ROLES:
        return _say_size(ask, parameter, role)
    if rule is None:
        return _without(ask, role)
    return rule(ask, parameter, ask.checked.values[parameter.name])


def _without(ask: _Ask, role: Role | None) -> Said:
    reason = ask.target.without.get(role) if role is not None else None
    return Said("ignored", reason or f"{ask.target.name} has nothing that corresponds to it")


def _say_size(ask: _Ask, parameter: Parameter, role: Role) -> Said:
    value, size = ask.checked.values[parameter.name], ask.size
    if not is_set(parameter, value):
        return Said("used", "not given: the size follows from the rest")
    if role in size.idle:
        return Said("ignored", size.idle[role])
    if size.width is None or size.height is None:
        reason = _rule_words(size.rule) if size.rule else "the picture keeps its source's size"
        return Said("used" if ask.model is ask.target else "mapped", reason)
    asked, used = f"{size.width}x{size.height}", f"{ask.arguments['width']}x{ask.arguments['height']}"
    if asked != used:
        return Said("clamped", f"{asked} is outside what {ask.target.name} paints; it paints {used}", used)
    own = role in ("width", "height") or ask.model is ask.target
    return Said("used" if own else "mapped", f"the picture is {used} pixels", used)


def _rule_words(rule: SizeRule) -> str:
    shape = "in its source's shape" if rule.ratio is None else "cut to this shape"
    if rule.area_pixels is not None:
        return f"about {rule.area_pixels / 1e6:.2g} million pixels, {shape}"
    if rule.long_side is not None:
        return f"{'at most ' if rule.at_most else ''}{rule.long_side} pixels along its longer side, {shape}"
    return f"the picture comes out {shape}"


def _say_text(ask: _Ask, parameter: Parameter, value: Any) -> Said:
    target = ask.target.with_role(parameter.role) if parameter.role else None
    if target is None:
        return _without(ask, parameter.role)
    if not value:
        return Said("used", "not given")
    if len(value) > longest(target):
        return Said("clamped", f"{ask.target.name} reads the first {longest(target)} characters only")
    return Said("used", "read as it is")


def _say_image(ask: _Ask, parameter: Parameter, value: Any) -> Said:
    if "edit" not in ask.target.operations:
        return _without(ask, "image")
    if not value:
        return Said("used", "not given")
    if ask.request.operation != "edit":
        return Said("ignored", f"{ask.model.name} does not edit pictures")
    if parameter.type == "image_list" and len(value) > 1:
        if ask.target.with_role("reference") is None:
            reason = ask.target.without.get("reference", f"{ask.target.name} takes no reference image")
            return Said("clamped", f"the first picture is edited; {reason}")
        return Said("mapped", "the first picture is edited; of the others the colours are taken")
    return Said("used", "the picture that is edited")


def _say_mask(ask: _Ask, parameter: Parameter, value: Any) -> Said:
    if ask.target.with_role("mask") is None:
        return _without(ask, "mask")
    if not value:
        return Said("used", "not given")
    if ask.model.mask_polarity != ask.target.mask_polarity:
        return Said("mapped", f"here {ask.model.mask_polarity} is repainted; the mask is turned over")
    return Said("used", f"only what is {ask.model.mask_polarity} is repainted")


def _say_reference(ask: _Ask, parameter: Parameter, value: Any) -> Said:
    if ask.target.with_role("reference") is None:
        return _without(ask, parameter.role)
    if not value:
        return Said("used", "not given")
    return Said("mapped", "its colours are taken")


def _say_reference_strength(ask: _Ask, parameter: Parameter, value: Any) -> Said:
    if ask.target.with_role("reference_strength") is None:
        return _without(ask, "reference_strength")
    if not is_set(parameter, value):
        return Said("used", "not given")
    if not ask.request.references:
        return Said("ignored", "there is no reference to take anything of")
    speaking = speaking_strength(ask.model, ask.checked)
    if speaking is not None and speaking is not parameter:
        return Said("ignored", f"all references count alike, as far as {speaking.name} says")
    used = ask.arguments["reference_strength"]
    if used != value:
        return Said("mapped", f"as a share of {shown(parameter.maximum)}: {shown(used)}", used)
    return Said("used", "how far the references' colours are taken", used)


def _say_check(ask: _Ask, parameter: Parameter, value: Any) -> Said:
    return say_check(parameter, value, ask.target.without.get(parameter.role or "safety") or "there is no checker")


def _say_expansion(ask: _Ask, parameter: Parameter, value: Any) -> Said:
    return say_expansion(value, ask.target.without.get("prompt_expansion") or "there is no language model")


def say_check(parameter: Parameter, value: Any, reason: str) -> Said:
    """Return the verdict of a safety parameter where nothing checks: a check asked for is missed, and said so."""
    wanted = not value if parameter.role == "safety_off" else value
    return Said("ignored", f"unchecked: {reason}") if wanted else Said("used", "off")


def say_expansion(value: Any, reason: str) -> Said:
    """Return the verdict of a wish to have the prompt rewritten where nothing rewrites it."""
    wanted = value not in (None, False, "Off")
    return Said("ignored", f"not expanded: {reason}") if wanted else Said("used", "off")


def _say_number(ask: _Ask, parameter: Parameter, value: Any) -> Said:
    target = ask.target.with_role(parameter.role) if parameter.role else None
    if target is None:
        return _without(ask, parameter.role)
    if parameter.role == "strength" and ask.request.operation == "generate":
        return Said("ignored", "there is no picture to keep anything of")
    used = ask.arguments[parameter.role or ""]
    if value is None:
        return Said("used", f"not given: {shown(used)} is used", used)
    if used != value:
        words = f"{ask.target.name} takes {shown(target.minimum)} to {shown(target.maximum)}; {shown(used)} is used"
        return Said("clamped", words, used)
    return Said("used", "passed on", used)


def _say_count(ask: _Ask, parameter: Parameter, value: Any) -> Said:
    return Said("used", "so many pictures are painted", ask.request.count)


def _say_seed(ask: _Ask, parameter: Parameter, value: Any) -> Said:
    seed = ask.request.seed
    if ask.request.seed_drawn:
        return Said("used", "left open: a seed was drawn", seed)
    if int(value) != seed:
        return Said("mapped", "taken modulo 2^32", seed)
    return Said("used", "the first picture's seed; each further picture adds one", seed)


def _say_format(ask: _Ask, parameter: Parameter, value: Any) -> Said:
    return Said("used", "the pictures are written in this format", ask.request.output_format)


def _say_quality(ask: _Ask, parameter: Parameter, value: Any) -> Said:
    used = ask.request.output_quality
    if ask.request.output_format == "png":
        return Said("ignored", "png loses nothing, so it has no quality setting")
    if value is None:
        return Said("used", f"not given: {used} is used", used)
    if used != value:
        return Said("clamped", f"the encoder takes 1 to 100; {used} is used", used)
    return Said("used", "the quality the pictures are written with", used)


def _say_inline(ask: _Ask, parameter: Parameter, value: Any) -> Said:
    if "inline_result" in ask.served:
        return Said(
            "used", "the answer carries the pictures themselves" if value else "the answer carries links", value
        )
    if not value:
        return Said("used", "the answer carries links", value)
    return Said("ignored", "this API answers with links to the pictures")


_RULES: dict[Role, Callable[[_Ask, Parameter, Any], Said]] = {
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
