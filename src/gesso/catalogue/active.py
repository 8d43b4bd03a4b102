"""Which parameters count for one input: those with a value, whose conditions on other parameters hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gesso.catalogue.check import Checked
from gesso.catalogue.model import Model, Parameter
from gesso.catalogue.roles import Role
from gesso.catalogue.wording import choices


def is_set(parameter: Parameter, value: Any) -> bool:
    """Tell whether a value says something: not None, not a word for "not chosen", not an empty list."""
    if value is None or value == []:
        return False
    return not any(value == one and isinstance(value, bool) == isinstance(one, bool) for one in parameter.unset)


def why_idle(parameter: Parameter, values: Mapping[str, Any]) -> str | None:
    """Return why a parameter does not count beside the others' values, or None when it does."""
    if parameter.idle:
        return parameter.idle
    for name, wanted in parameter.only_when.items():
        if values.get(name) not in wanted:
            return f"only used when {name} is {choices(wanted)}"
    return None


def value_of(model: Model, role: Role, values: Mapping[str, Any]) -> Any:
    """Return the value of the parameter of that role, or None when it says nothing."""
    parameter = model.with_role(role)
    if parameter is None or why_idle(parameter, values) is not None:
        return None
    value = values.get(parameter.name)
    return value if is_set(parameter, value) else None


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
