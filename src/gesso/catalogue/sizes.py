"""Turn a model's size parameters into pixels, or into a rule where an edit's size hangs on its source."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gesso.catalogue.active import value_of
from gesso.catalogue.limits import size_breaches
from gesso.catalogue.model import Model, Resolution, SizeLimits, Sizing
from gesso.catalogue.roles import SIZE_ROLES, Role
from gesso.catalogue.size_tables import PRESETS, TABLES, Size
from gesso.domain.errors import InvalidInput
from gesso.domain.request import Operation, Request, SizeRule

# What this server gives out at most, whatever a model allows (sides and area in pixels).
SIDE_MIN, SIDE_MAX, AREA_MAX = 64, 8192, 20_000_000
GIVEN_OUT = SizeLimits(side_min=SIDE_MIN, side_max=SIDE_MAX, area_max=AREA_MAX)

_SIDES = re.compile(r"([0-9]{1,5})\s*[xX*×]\s*([0-9]{1,5})", re.ASCII)
_RATIO = re.compile(r"([0-9]{1,5}(?:\.[0-9]{1,3})?):([0-9]{1,5}(?:\.[0-9]{1,3})?)", re.ASCII)


@dataclass(frozen=True)
class Decision:
    """A size, or the rule it will follow from; `by` names the roles that decided, `idle` says why others did not.

    `scaled_from` is the size of a preset that was below the model's least area and came out larger.
    """

    width: int | None = None
    height: int | None = None
    rule: SizeRule | None = None
    by: tuple[Role, ...] = ()
    idle: dict[Role, str] = field(default_factory=dict)
    scaled_from: Size | None = None


def parse_sides(text: str) -> Size | None:
    """Read "1024x768" or "1152*896"; None when it is neither."""
    found = _SIDES.fullmatch(text)
    return (int(found[1]), int(found[2])) if found else None


def parse_ratio(text: str) -> tuple[float, float] | None:
    """Read "16:9" or "9:19.5" as width and height; None when it is no ratio of positive numbers."""
    found = _RATIO.fullmatch(text)
    if not found or not float(found[1]) or not float(found[2]):
        return None
    return float(found[1]), float(found[2])


def cut(length: float, multiple_of: int) -> int:
    """Cut a side down to a multiple, at least one of it (a hair below a whole number counts as that number)."""
    return max(multiple_of, int(length + 1e-6) // multiple_of * multiple_of)


def sides_for(ratio: tuple[float, float], area_pixels: float, multiple_of: int) -> Size:
    """Return the sides of a rectangle of about that area: each side of the exact one, cut to a multiple."""
    wide, tall = ratio
    return cut(math.sqrt(area_pixels * wide / tall), multiple_of), cut(
        math.sqrt(area_pixels * tall / wide), multiple_of
    )


def decide(model: Model, values: Mapping[str, Any], operation: Operation) -> Decision:
    """Return the size an input asks for; raise `InvalidInput` when its parts do not go together.

    An exact size ("1024x768", a preset, an object, both sides) goes before a ratio; a ratio before the default.
    """
    said = {role: value for role in SIZE_ROLES if (value := value_of(model, role, values)) is not None}
    if operation == "edit" and not model.sizing.edit_reads_size:
        reason = "an edit comes out in the shape of its image"
        return _by_source(model.sizing, {}, idle=dict.fromkeys(said, reason))
    return _exact(model, said) or _two_sides(model, said, operation) or _by_ratio(model, said, operation)


def _exact(model: Model, said: Mapping[Role, Any]) -> Decision | None:
    for role in ("image_size", "size", "resolution"):
        value = said.get(role)
        size = _named_size(model.sizing, value) if value is not None else None
        if size is not None:
            reason = f"{_name(model, role)} already says the size in pixels"
            idle = {other: reason for other in said if other != role}
            preset = PRESETS.get(value) if isinstance(value, str) else None
            return replace(_absolute(model, size, (role,), idle), scaled_from=None if preset == size else preset)
    return None


def _named_size(sizing: Sizing, value: Any) -> Size | None:
    if isinstance(value, Mapping):
        return int(value["width"]), int(value["height"])
    if value in PRESETS:
        width, height = PRESETS[value]
        least = sizing.preset_area_min or 0
        if width * height < least:
            step = sizing.multiple_of
            grow = math.sqrt(least / (width * height))
            # up, not down: cutting would fall below the least again
            return math.ceil(width * grow / step) * step, math.ceil(height * grow / step) * step
        return width, height
    return parse_sides(str(value))


def _two_sides(model: Model, said: Mapping[Role, Any], operation: Operation) -> Decision | None:
    width, height = said.get("width"), said.get("height")
    if width is None and height is None:
        return None
    if width is not None and height is not None:
        reason = f"{_name(model, 'width')} and {_name(model, 'height')} already say the size"
        idle = {role: reason for role in said if role not in ("width", "height")}
        step = model.sizing.rounded_to
        size = (width + step // 2) // step * step, (height + step // 2) // step * step
        return _absolute(model, size, ("width", "height"), idle)
    side: Role = "height" if width is None else "width"
    given: int = said[side]
    ratio = _ratio(model, said)
    if ratio is None:
        if operation == "edit":
            return Decision(rule=SizeRule(width=width, height=height), by=(side,))
        default = _default(model)
        return _absolute(model, (width or default[0], height or default[1]), (side,), {})
    wide, tall = ratio
    other = max(1, round(given * tall / wide if side == "width" else given * wide / tall))
    return _absolute(model, (width or other, height or other), (side, "aspect_ratio"), {})


def _by_ratio(model: Model, said: Mapping[Role, Any], operation: Operation) -> Decision:
    sizing, ratio, resolution = model.sizing, _ratio(model, said), _resolution(model, said)
    if (
        operation == "edit"
        and sizing.edit != "generate"
        and (ratio is None or (sizing.edit == "source" and resolution is None))
    ):
        return _by_source(sizing, said, ratio, resolution)
    if ratio is None and resolution is None and "megapixels" not in said:
        return _absolute(model, _default(model), (), {})
    shape = ratio or (1.0, 1.0)
    size = _table_size(sizing, str(said.get("aspect_ratio", "1:1")), shape)
    size = _scaled(sizing, size, shape, resolution, said.get("megapixels"))
    return _absolute(model, size, tuple(role for role in said if role not in ("width", "height")), {})


def _by_source(
    sizing: Sizing,
    said: Mapping[Role, Any],
    ratio: tuple[float, float] | None = None,
    resolution: Resolution | None = None,
    idle: dict[Role, str] | None = None,
) -> Decision:
    by = tuple(said)
    if resolution is not None and resolution.scale is None:
        rule = SizeRule(
            ratio=ratio,
            area_pixels=resolution.area_pixels,
            long_side=resolution.long_side,
            at_most=resolution.at_most,
            multiple_of=sizing.multiple_of,
        )
    elif sizing.edit_long_side is not None:
        rule = SizeRule(ratio=ratio, long_side=sizing.edit_long_side, multiple_of=sizing.multiple_of)
    elif sizing.edit == "area" or sizing.edit_long_side_max is not None:
        rule = SizeRule(
            ratio=ratio,
            area_pixels=sizing.edit_area_pixels,
            long_side=sizing.edit_long_side_max,
            at_most=sizing.edit != "area",
            multiple_of=sizing.multiple_of,
        )
    elif ratio is not None:
        rule = SizeRule(ratio=ratio, multiple_of=sizing.multiple_of)
    else:
        return Decision(by=by, idle=idle or {})
    return Decision(rule=rule, by=by, idle=idle or {})


def _ratio(model: Model, said: Mapping[Role, Any]) -> tuple[float, float] | None:
    text = said.get("aspect_ratio")
    if text is None:
        return None
    ratio = parse_ratio(str(text))
    if ratio is None:
        name = _name(model, "aspect_ratio")
        message = f'{name} is not a ratio: write width and height in whole numbers, as in "16:9".'
        raise InvalidInput.of(name, "wrong_form", message)
    return ratio


def _resolution(model: Model, said: Mapping[Role, Any]) -> Resolution | None:
    words = (said.get("resolution"), said.get("image_size"))
    return next((one for word in words if (one := model.sizing.resolutions.get(str(word))) is not None), None)


def _table_size(sizing: Sizing, name: str, ratio: tuple[float, float]) -> Size:
    table = TABLES[sizing.table]
    if sizing.area_pixels is not None:
        return sizing.ratios.get(name) or sides_for(ratio, sizing.area_pixels, sizing.multiple_of)
    return sizing.ratios.get(name) or table.sizes.get(name) or sides_for(ratio, table.area_pixels, table.multiple_of)


def _scaled(
    sizing: Sizing,
    size: Size,
    ratio: tuple[float, float],
    resolution: Resolution | None,
    megapixels: str | float | None,
) -> Size:
    """Apply a resolution and megapixels to a table's size."""
    step = sizing.multiple_of
    if resolution is not None and resolution.area_pixels is not None:
        size = sides_for(ratio, resolution.area_pixels, step)
    elif resolution is not None and resolution.long_side is not None:
        scale = resolution.long_side / max(ratio)
        size = cut(ratio[0] * scale, step), cut(ratio[1] * scale, step)
    elif resolution is not None and resolution.scale is not None:
        size = cut(size[0] * resolution.scale, 1), cut(size[1] * resolution.scale, 1)
    if megapixels is not None:
        scale = math.sqrt(float(megapixels))  # 0.25 megapixels: both sides halved
        size = cut(size[0] * scale, step), cut(size[1] * scale, step)
    return size


def _default(model: Model) -> Size:
    sizing = model.sizing
    if sizing.default_width and sizing.default_height:
        return sizing.default_width, sizing.default_height
    return _table_size(sizing, "1:1", (1, 1))


def _absolute(model: Model, size: Size, by: tuple[Role, ...], idle: dict[Role, str]) -> Decision:
    field = _name(model, by[0]) if by else "size"  # a problem names one field; its sentence tells the whole size
    problems = list(size_breaches(model.sizing.limits, *size, field))
    if problems:
        raise InvalidInput(problems)
    return Decision(*size, by=by, idle=idle)


def _name(model: Model, role: Role) -> str:
    parameter = model.with_role(role)
    return parameter.name if parameter else role


def fit_within(limits: SizeLimits, width: int, height: int) -> Size:
    """Scale a size into limits, keeping its ratio as far as both sides allow; a size within them comes back as it is."""
    scale = max(1.0, limits.side_min / min(width, height), math.sqrt((limits.area_min or 0) / (width * height)))
    scale = min(scale, limits.side_max / max(width, height))
    if limits.area_max is not None:
        scale = min(scale, math.sqrt(limits.area_max / (width * height)))
    step = limits.multiple_of
    least, most = -(-limits.side_min // step) * step, limits.side_max // step * step
    return min(max(cut(width * scale, step), least), most), min(max(cut(height * scale, step), least), most)


def output_size(request: Request, source_width: int, source_height: int) -> Size:
    """Return the size an edit of a source of that size comes out in, in pixels.

    The request's own size, else its rule applied to the source, both kept within what this server gives out (64 to
    8192 a side, 20 megapixels); without either, exactly the source's.
    """
    if request.width and request.height:
        return fit_within(GIVEN_OUT, request.width, request.height)
    rule = request.size_rule
    if rule is None:
        return source_width, source_height
    width, height = _cut_to_ratio(rule, source_width, source_height)
    if rule.width or rule.height:
        scale = (rule.width or 0) / width or (rule.height or 0) / height
    else:
        scale = _scale(rule, width, height)
    scale = max(scale, SIDE_MIN / min(width, height))
    scale = min(scale, SIDE_MAX / max(width, height), math.sqrt(AREA_MAX / (width * height)))
    return _whole(width * scale, rule.multiple_of), _whole(height * scale, rule.multiple_of)


def _cut_to_ratio(rule: SizeRule, width: float, height: float) -> tuple[float, float]:
    """Return the largest part of a rectangle that has the rule's ratio."""
    if rule.ratio is None:
        return width, height
    wide, tall = rule.ratio
    return min(width, height * wide / tall), min(height, width * tall / wide)


def _scale(rule: SizeRule, width: float, height: float) -> float:
    scale = 1.0
    if rule.area_pixels is not None:
        wanted = math.sqrt(rule.area_pixels / (width * height))
        scale = min(1.0, wanted) if rule.at_most else wanted
    if rule.long_side is not None:
        wanted = rule.long_side / max(width, height)
        scale = min(scale, wanted) if rule.at_most else wanted
    return scale


def _whole(length: float, multiple_of: int) -> int:
    """Round to the nearest pixel, or cut to a multiple."""
    return max(1, round(length)) if multiple_of == 1 else cut(length, multiple_of)
