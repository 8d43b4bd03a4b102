"""Put an ask written for one model's form into another model's words, by the roles their parameters share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gesso.catalogue.model import Model, Parameter
from gesso.domain.errors import InvalidInput
from gesso.domain.request import Verdict


@dataclass(frozen=True)
class Recast:
    """The input in the target's words, what each of its fields was called before, and what found no place."""

    input: dict[str, Any]
    fields: dict[str, str]
    left_out: tuple[Verdict, ...] = ()


def recast(form: Model, target: Model, raw: Mapping[str, Any]) -> Recast:
    """Return an ask for `form` as one for `target`; values are not checked here, the target's rules do that later.

    A field the form does not have is handed on under its own name: the asker may know the target's. Raises
    `InvalidInput` when more pictures are asked for than the target can make.
    """
    found: dict[str, Any] = {}
    fields: dict[str, str] = {}
    left_out: list[Verdict] = []
    for name, value in raw.items():
        parameter = form.parameter(name)
        if parameter is None:
            found[name] = value
            continue
        place = target.with_role(parameter.role) if parameter.role else None
        if place is not None and place.name not in found:
            found[place.name] = _fitted(value, parameter, place)
            fields[place.name] = name
        elif parameter.role == "count" and value not in (None, 1, 1.0, "1"):
            message = f"{name} is {value}: {target.slug} makes one picture a request."
            raise InvalidInput.of(name, "out_of_range", message, value, 1)
        elif value is not None:
            left_out.append(_lost(parameter, target))
    return Recast(found, fields, tuple(left_out))


def _fitted(value: Any, parameter: Parameter, place: Parameter) -> Any:
    if place.type == "image_list" and parameter.type == "image" and value is not None:
        return [value]
    if place.type == "image" and parameter.type == "image_list" and isinstance(value, list):
        return value[0] if value else None
    return value


def _lost(parameter: Parameter, target: Model) -> Verdict:
    reason = f"{target.name} has nothing that corresponds to it"
    return Verdict(parameter=parameter.name, verdict="ignored", reason=reason, given=True)
