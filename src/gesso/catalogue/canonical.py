"""Turn a checked input into the native request: the model's own words become canonical fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gesso.catalogue.active import value_of, why_idle
from gesso.catalogue.check import Checked
from gesso.catalogue.model import Model, Parameter
from gesso.catalogue.roles import REFERENCE_ROLES, Role
from gesso.catalogue.sizes import decide
from gesso.domain.errors import InvalidInput
from gesso.domain.picture import OutputFormat, PictureReference
from gesso.domain.request import SEED_LIMIT, Operation, Request

FORMATS: dict[str, OutputFormat] = {"png": "png", "jpeg": "jpeg", "jpg": "jpeg", "webp": "webp"}
DRAWN_SEED = -1  # what askers send for "any seed"


def to_request(model: Model, checked: Checked, *, draw_seed: Callable[[], int], adapter: str | None = None) -> Request:
    """Return the request of a checked input; raise `InvalidInput` when its parts do not go together.

    `draw_seed` gives a seed 0 … 2^32 − 1 when the asker left it open (none, or −1); what is drawn is one the model takes.
    A larger seed is taken modulo 2^32.
    """
    values = checked.values
    operation = operation_of(model, values)
    size = decide(model, values, operation)
    seed = seed_of(model, values)
    mask = _mask(model, values)
    return Request(
        model=model.slug,
        adapter=adapter,
        operation=operation,
        prompt=value_of(model, "prompt", values) or "",
        negative_prompt=value_of(model, "negative_prompt", values) or "",
        image=_first(value_of(model, "image", values)) if operation == "edit" else None,
        mask=mask,
        mask_polarity=model.mask_polarity,
        references=references_of(model, values),
        count=value_of(model, "count", values) or 1,
        width=size.width,
        height=size.height,
        size_rule=size.rule,
        steps=value_of(model, "steps", values),
        guidance=value_of(model, "guidance", values),
        strength=strength_of(model, values) if operation == "edit" else None,
        seed=_drawn(model, draw_seed()) if seed is None else seed,
        seed_drawn=seed is None,
        output_format=format_of(model, values),
        output_quality=quality_of(model, values),
        values={name: value for name, value in values.items() if not _is_picture(model, name)},
    )


def operation_of(model: Model, values: Mapping[str, Any]) -> Operation:
    """Return "edit" when there is an image to edit, else "generate"; raise `InvalidInput` when the model cannot."""
    has_image = value_of(model, "image", values) is not None
    if has_image and "edit" in model.operations:
        return "edit"
    if "generate" in model.operations:
        return "generate"
    field = _name(model, "image")
    raise InvalidInput.of(field, "required", f"{field} is missing: {model.slug} only edits, so it needs an image.")


def seed_of(model: Model, values: Mapping[str, Any]) -> int | None:
    """Return the seed asked for, modulo 2^32, or None when one is to be drawn."""
    value = value_of(model, "seed", values)
    if value is None or int(value) == DRAWN_SEED:
        return None
    return int(value) % SEED_LIMIT


def _drawn(model: Model, seed: int) -> int:
    parameter = model.with_role("seed")
    maximum = None if parameter is None else parameter.maximum
    return seed if maximum is None else seed % (int(maximum) + 1)


def format_of(model: Model, values: Mapping[str, Any]) -> OutputFormat:
    """Return the file format the pictures are written in."""
    return FORMATS.get(str(value_of(model, "output_format", values)), model.default_format)


def quality_of(model: Model, values: Mapping[str, Any]) -> int:
    """Return the encoder's quality, 1 … 100 (0, where a model allows it, is 1)."""
    value = value_of(model, "output_quality", values)
    return 90 if value is None else min(100, max(1, int(value)))


def strength_of(model: Model, values: Mapping[str, Any]) -> float | None:
    """Return how far an edit may go, 0 … 1, or None when nothing is said of it."""
    parameter, value = model.with_role("strength"), value_of(model, "strength", values)
    return None if parameter is None or value is None else float(meant(parameter, value))


def meant(parameter: Parameter, value: Any) -> Any:
    """Return what a value means in its role: itself, or one minus it where the parameter counts from the other end."""
    return one_minus(value) if parameter.inverted and value is not None else value


def one_minus(share: float) -> float:
    """Return 1 − share without the dust of binary fractions: 0.3 for 0.7."""
    return round(1 - share, 9)


def references_of(model: Model, values: Mapping[str, Any]) -> tuple[PictureReference, ...]:
    """Return every reference picture in the order of the model's parameters; a list of images to edit gives all but
    its first."""
    found: list[PictureReference] = []
    for parameter in model.parameters:
        counts = parameter.is_picture and why_idle(parameter, values) is None
        items = pictures(values.get(parameter.name)) if counts else ()
        if parameter.role in REFERENCE_ROLES:
            found.extend(items)
        elif parameter.role == "image":
            found.extend(items[1:])
    return tuple(found)


def pictures(value: Any) -> tuple[PictureReference, ...]:
    """Return the pictures of a parameter's value as references; text is a link."""
    items = value if isinstance(value, list | tuple) else [value]
    return tuple(
        item if isinstance(item, PictureReference) else PictureReference(url=str(item))
        for item in items
        if item is not None
    )


def _first(value: Any) -> PictureReference | None:
    return next(iter(pictures(value)), None)


def _mask(model: Model, values: Mapping[str, Any]) -> PictureReference | None:
    mask = _first(value_of(model, "mask", values))
    if mask is not None and value_of(model, "image", values) is None:
        field, image = _name(model, "mask"), _name(model, "image")
        raise InvalidInput.of(field, "mask_without_image", f"{field} needs {image}: the picture it is laid on.")
    return mask


def _is_picture(model: Model, name: str) -> bool:
    parameter = model.parameter(name)
    return parameter is not None and parameter.is_picture


def _name(model: Model, role: Role) -> str:
    parameter = model.with_role(role)
    return parameter.name if parameter else role
