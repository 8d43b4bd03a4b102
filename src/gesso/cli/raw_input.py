"""From the options of `generate` and `edit` to the input a model takes, in that model's own parameter names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gesso.domain.errors import InvalidInput, Problem

if TYPE_CHECKING:
    from gesso.catalogue.model import Model


def by_role(model: Model, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values under the names the model has for their roles; raise `InvalidInput` for a role it lacks.

    A role is the meaning of a parameter: `count` is num_images here and num_outputs there.
    """
    names: dict[str, str] = {role: parameters[0].name for role, parameters in model.roles.items()}
    if lacking := [role for role in values if role not in names]:
        raise InvalidInput([_lacks(model, role) for role in lacking])
    return {names[role]: value for role, value in values.items()}


def from_assignments(assignments: Sequence[str]) -> dict[str, Any]:
    """Return `--set NAME=VALUE` words as input; a value that is a JSON list or object is taken as one."""
    values: dict[str, Any] = {}
    for word in assignments:
        name, separator, value = word.partition("=")
        if not separator or not name:
            message = f'--set {word} is not NAME=VALUE, for example --set "aspect_ratio=16:9".'
            raise InvalidInput.of("set", "not_an_assignment", message, word)
        values[name.strip()] = _value(name, value)
    return values


def _value(name: str, text: str) -> Any:
    if not text.startswith(("[", "{")):
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidInput.of(
            name, "not_json", f"--set {name}: the value is not valid JSON ({error}).", text
        ) from error


def _lacks(model: Model, role: str) -> Problem:
    known = ", ".join(parameter.name for parameter in model.parameters)
    reasons = {str(name): reason for name, reason in model.without.items()}
    why = reasons.get(role, f"its parameters are {known}; give one with --set NAME=VALUE")
    message = f"{model.slug} has no parameter for {role.replace('_', ' ')}: {why.rstrip('.')}."
    return Problem(field=role, code="unknown_parameter", message=message, allowed=known)
